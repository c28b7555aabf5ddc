using System.Text;

namespace Cairn.Support;

/// <summary>Stands between Cairn and PostgreSQL, and lets the server say that it is of an earlier version than it is.</summary>
/// <param name="version">Two digits.</param>
sealed class OlderPostgres(int server, string version) : Proxy(server)
{
    /// <summary>How the server begins to say its version, when somebody comes in.</summary>
    static readonly byte[] Says = Encoding.ASCII.GetBytes("server_version\0");

    protected override bool Sees(Span<byte> bytes, bool isForServer)
    {
        if (bytes.IndexOf(Says) is >= 0 and var at) Encoding.ASCII.GetBytes(version, bytes[(at + Says.Length)..]);
        return true;
    }
}
