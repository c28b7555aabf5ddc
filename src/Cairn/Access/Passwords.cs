using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Cairn.Access;

/// <summary>How passwords are kept: PBKDF2 with SHA-512. A hash says of how many rounds it is, so that older ones stay good.</summary>
sealed class Passwords(int rounds = Passwords.Rounds)
{
    const int Rounds = 210_000, SaltBytes = 16, HashBytes = 64;

    /// <summary>Each check keeps a processor busy for a while; more at once than there are processors would only slow the rest down.</summary>
    static readonly SemaphoreSlim Processors = new(Environment.ProcessorCount);

    /// <summary>What the password of an account that is not there is compared with, so that the answer takes as long.</summary>
    readonly string nobodys = Format(rounds, new byte[SaltBytes], new byte[HashBytes]);

    public Task<string> Hash(string password, CancellationToken cancel) => Work(() =>
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return Format(rounds, salt, Derive(password, salt, rounds));
    }, cancel);

    /// <summary>Whether it is the password. It takes as long without an account.</summary>
    /// <param name="hash">The account's; null where there is none, and then the answer is no.</param>
    public Task<bool> Matches(string password, string? hash, CancellationToken cancel) => Work(() =>
    {
        var parts = (hash ?? nobodys).Split('$');
        var derived = Derive(password, Base64Url.DecodeFromChars(parts[2]), int.Parse(parts[1]));
        return CryptographicOperations.FixedTimeEquals(derived, Base64Url.DecodeFromChars(parts[3])) && hash is not null;
    }, cancel);

    static byte[] Derive(string password, byte[] salt, int rounds) => Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt, rounds, HashAlgorithmName.SHA512, HashBytes);

    static string Format(int rounds, byte[] salt, byte[] hash) => $"pbkdf2-sha512${rounds}${Base64Url.EncodeToString(salt)}${Base64Url.EncodeToString(hash)}";

    static async Task<T> Work<T>(Func<T> work, CancellationToken cancel)
    {
        await Processors.WaitAsync(cancel);
        try
        {
            return await Task.Run(work, CancellationToken.None);
        }
        finally
        {
            Processors.Release();
        }
    }
}
