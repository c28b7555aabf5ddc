using Cairn.Support;

namespace Cairn.Commands;

/// <summary>What the program makes of its command line and its settings.</summary>
public sealed class StartTests : IDisposable
{
    readonly TempDirectory directory = new();

    string Data => Path.Combine(directory.Path, "data");

    [Theory]
    [InlineData("fly")]
    [InlineData("export")]
    [InlineData("export events --nope")]
    [InlineData("export events --format xml")]
    [InlineData("tail events --search a --search b")]
    [InlineData("import events")]
    [InlineData("serve --role x")]
    [InlineData("serve --gateway nonsense")]
    [InlineData("serve --store mongo")]
    public async Task A_command_that_is_not_understood_is_one_line_and_code_2(string command)
    {
        var ended = await CairnProcess.Run([.. command.Split(' '), "--data", Data]);
        Assert.Equal((2, "", 1), (ended.Code, ended.Output, ended.ErrorLines.Length));
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task A_setting_that_is_not_understood_is_one_line_and_code_2()
    {
        var number = await CairnProcess.RunWithSetting("Cairn__Retention__RequestDays", "abc", "serve", "--data", Data);
        Assert.Equal(2, number.Code);
        Assert.Contains("Retention:RequestDays is 'abc'; allowed is", Assert.Single(number.ErrorLines), StringComparison.Ordinal);

        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "cairn.json"), "{ \"Retention\": ", TestContext.Current.CancellationToken);
        var file = await CairnProcess.Run("serve", "--data", Data);
        Assert.Equal(2, file.Code);
        Assert.Contains("cairn.json", Assert.Single(file.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_server_is_refused_by_directory_and_by_address()
    {
        await using var server = await CairnProcess.Serve(Data);
        var same = await CairnProcess.Run("serve", "--data", Data);
        Assert.Equal(1, same.Code);
        Assert.Contains($"Another Cairn is using {Data}", Assert.Single(same.ErrorLines), StringComparison.Ordinal);

        var taken = await CairnProcess.Run("serve", "--data", Path.Combine(directory.Path, "other"), "--gateway", server.Address("Gateway").OriginalString, "--console", "http://127.0.0.1:0");
        Assert.Equal(1, taken.Code);
        Assert.Contains("--gateway", Assert.Single(taken.ErrorLines), StringComparison.Ordinal);
        Assert.Equal(0, (await server.StopAndEnd()).Code);
    }

    [Fact]
    public async Task Every_command_tells_a_stranger_how_it_is_used()
    {
        var all = await CairnProcess.Run("--help");
        Assert.Equal(0, all.Code);
        foreach (var command in new[] { "serve", "keys", "export", "import", "tail", "prune", "doctor" })
        {
            Assert.Contains($"  {command}  ", all.Output, StringComparison.Ordinal);
            var help = await CairnProcess.Run(command, "--help");
            Assert.Contains("Example: cairn " + command, help.Output, StringComparison.Ordinal);
        }
        Assert.Matches("^[0-9]+\\.[0-9]+\\.[0-9]+", (await CairnProcess.Run("--version")).Output);
    }

    public void Dispose() => directory.Dispose();
}
