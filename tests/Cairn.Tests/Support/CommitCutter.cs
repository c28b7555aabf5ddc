using System.Text;

namespace Cairn.Support;

/// <summary>Stands between Cairn and PostgreSQL, and cuts a connection right after it passed a COMMIT on, so that its answer is lost.</summary>
sealed class CommitCutter(int server) : Proxy(server)
{
    static readonly byte[] Commit = Encoding.ASCII.GetBytes("COMMIT\0");

    int commits, cuts;

    /// <summary>Every so many commits one loses its answer; zero cuts none.</summary>
    public int CutEvery { get; set; }

    public int Cuts => Volatile.Read(ref cuts);

    protected override bool Sees(Span<byte> bytes, bool isForServer)
    {
        if (!isForServer || bytes.IndexOf(Commit) < 0 || CutEvery == 0 || Interlocked.Increment(ref commits) % CutEvery != 0) return true;
        Interlocked.Increment(ref cuts);
        return false;
    }
}
