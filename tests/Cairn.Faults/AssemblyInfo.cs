// Each of these takes the whole machine's attention: its disk, its clock, its memory.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
