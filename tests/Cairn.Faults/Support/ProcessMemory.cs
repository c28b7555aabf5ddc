namespace Cairn.Faults;

/// <summary>What a process holds of the machine's memory, as Linux counts it.</summary>
static class ProcessMemory
{
    public static long Resident(int id) => Field(id, "VmRSS:");

    /// <summary>The most since the start, or since it was forgotten.</summary>
    public static long Peak(int id) => Field(id, "VmHWM:");

    public static void ForgetPeak(int id) => File.WriteAllText($"/proc/{id}/clear_refs", "5");

    static long Field(int id, string name) =>
        1024 * long.Parse(File.ReadLines($"/proc/{id}/status").First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim());
}
