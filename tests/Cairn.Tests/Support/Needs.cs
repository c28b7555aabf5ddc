using System.Diagnostics;

namespace Cairn.Support;

/// <summary>What a test needs of the machine. Where it is missing the test is skipped with the reason; on CI it fails.</summary>
static class Needs
{
    public static void Root()
    {
        if (Environment.UserName != "root") Missing("root");
    }

    public static void Command(string name)
    {
        if (Run("which", name) != 0) Missing($"the command {name}");
    }

    public static void Missing(string what)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail($"This test needs {what}, and CI must have it.");
        Assert.Skip($"This test needs {what}.");
    }

    /// <summary>Runs a program to its end and answers its exit code.</summary>
    public static int Run(string program, params string[] arguments) => Run(out _, program, arguments);

    public static int Run(out string output, string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
