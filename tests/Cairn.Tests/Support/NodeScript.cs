using System.Diagnostics;

namespace Cairn.Support;

/// <summary>A script of tests/clients, which calls Cairn or looks at what it wrote with the packages that others use.</summary>
static class NodeScript
{
    static readonly string Folder = Path.Combine(Repository.Root, "tests", "clients");

    /// <summary>Runs it to its end and answers what it printed.</summary>
    public static async Task<string> Run(string script, string input, params string[] arguments)
    {
        Needs.Command("node");
        if (!Directory.Exists(Path.Combine(Folder, "node_modules"))) Needs.Missing("the npm packages of tests/clients (./test installs them)");
        using var node = Process.Start(new ProcessStartInfo("node", [Path.Combine(Folder, script), .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (node.StandardOutput.ReadToEndAsync(Client.Cancel), node.StandardError.ReadToEndAsync(Client.Cancel));
        await node.StandardInput.WriteAsync(input);
        node.StandardInput.Close();
        await node.WaitForExitAsync(Client.Cancel);
        Assert.True(node.ExitCode == 0, await errors);
        return await output;
    }
}
