namespace Cairn.Access;

/// <summary>Which passwords are taken.</summary>
static class Password
{
    public const int Shortest = 12, Longest = 256;

    /// <summary>Long enough to be taken, and among the first that are tried all the same.</summary>
    static readonly HashSet<string> TriedFirst = new(StringComparer.OrdinalIgnoreCase)
    {
        "123456789012", "1234567890123", "12345678901234", "123456789123", "123123123123", "012345678901", "0123456789012", "098765432109", "111122223333", "112233445566",
        "password1234", "password12345", "password123!", "password1234!", "passwordpassword", "mypassword123", "p@ssword1234", "p@ssw0rd1234", "passw0rd1234", "password2025", "password2026",
        "qwertyuiop12", "qwertyuiop123", "qwertyuiopas", "qwertyuiop[]", "qwertyuiop[]\\", "qwerty123456", "qwerty1234567", "1q2w3e4r5t6y", "1q2w3e4r5t6y7u", "q1w2e3r4t5y6", "zaq12wsxcde3", "1qaz2wsx3edc", "qazwsxedcrfv",
        "abcdefghijkl", "abcdefghijklm", "abcd12345678", "abc123456789", "a1b2c3d4e5f6", "aaaaaaaaaaaa", "asdfghjkl123", "asdfghjkl;'", "zxcvbnm12345",
        "iloveyou1234", "iloveyouforever", "letmein12345", "welcome12345", "welcome1234!", "administrator", "administrator1", "admin1234567", "adminadminadmin", "admin123admin", "changeme1234", "changemeplease", "changeme12345",
        "correcthorsebatterystaple", "correct horse battery staple", "trustno1trustno1", "football1234", "princess1234", "superman1234", "sunshine1234", "monkey123456", "dragon123456", "baseball1234", "master123456",
        "testtesttest", "test12345678", "demodemodemo", "secretsecret", "supersecret1", "cairncairncairn", "cairnpassword",
    };

    /// <summary>Why a password is not taken, as it follows the field's name; null when it is.</summary>
    public static string? WhyNot(string password, string email)
    {
        var letters = password.EnumerateRunes().Count();
        if (letters < Shortest) return $"is shorter than {Shortest} characters";
        if (letters > Longest) return $"is longer than {Longest} characters";
        if (password.Distinct().Count() < 4) return "repeats a few characters only";
        if (TriedFirst.Contains(password)) return "is among the first that are tried; take another";
        if (password.Contains(email, StringComparison.OrdinalIgnoreCase) || email.Contains(password, StringComparison.OrdinalIgnoreCase)) return "is the e-mail address";
        return null;
    }
}
