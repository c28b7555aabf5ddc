using System.Net;
using System.Text;
using System.Text.Json;
using Cairn.Support;

namespace Cairn.Commands;

public sealed class UsersTests : IDisposable
{
    const string Phrase = CairnApp.Phrase;

    readonly TempDirectory directory = new();

    string Data => Path.Combine(directory.Path, "data");

    public void Dispose() => directory.Dispose();

    static async Task<(HttpStatusCode Status, JsonElement Body)> Post(Uri console, string path, object body)
    {
        using var http = new HttpClient();
        using var answer = await http.PostAsync(new Uri(console, path), new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"), Client.Cancel);
        return (answer.StatusCode, JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Client.Cancel)).RootElement);
    }

    static string Token(string line) => line[(line.IndexOf('#', StringComparison.Ordinal) + 1)..].Trim();

    [Fact]
    public async Task The_first_start_prints_a_link_and_a_key_and_the_second_a_link_alone()
    {
        string key, link;
        await using (var server = await CairnProcess.Serve(Data))
        {
            var said = (await server.StopAndEnd()).Lines;
            link = said.Single(line => line.StartsWith("Sign in  http://127.0.0.1:", StringComparison.Ordinal));
            key = said.Single(line => line.StartsWith("API key  crn_", StringComparison.Ordinal))["API key  ".Length..].Trim();
        }
        await using var again = await CairnProcess.Serve(Data);
        var console = again.Address("Console");
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri(console, "/api/v1/admin/audit-logs"), Client.Cancel)).StatusCode);

        // Each start has a link of its own.
        Assert.Equal(HttpStatusCode.Gone, (await Post(console, "/api/auth/link", new { token = Token(link), email = "ada@example.com", password = Phrase })).Status);
        link = again.Said("Sign in");
        Assert.Equal(HttpStatusCode.OK, (await Post(console, "/api/auth/link", new { token = Token(link), email = "ada@example.com", password = Phrase })).Status);
        var ended = await again.StopAndEnd();
        Assert.Single(ended.Lines, line => line.StartsWith("Sign in", StringComparison.Ordinal));
        Assert.DoesNotContain(ended.Lines, line => line.StartsWith("API key", StringComparison.Ordinal));

        await using var third = await CairnProcess.Serve(Data);
        Assert.DoesNotContain((await third.StopAndEnd()).Lines, line => line.StartsWith("Sign in", StringComparison.Ordinal) || line.StartsWith("API key", StringComparison.Ordinal));
    }

    [Fact]
    public async Task For_unattended_installs_the_first_administrator_is_a_setting()
    {
        await using (var server = await CairnProcess.ServeWith(Data, ("Cairn__Admin__Email", "ada@example.com"), ("Cairn__Admin__Password", Phrase)))
        {
            Assert.Equal(HttpStatusCode.OK, (await Post(server.Address("Console"), "/api/auth/login", new { email = "ada@example.com", password = Phrase })).Status);
            var said = await server.StopAndEnd();
            Assert.DoesNotContain("#", said.Output, StringComparison.Ordinal);
            Assert.DoesNotContain(Phrase, said.Output + said.Errors, StringComparison.Ordinal);
        }
        // A password that was changed since is not set back.
        Assert.Equal(0, (await CairnProcess.RunWithInput("another odd phrase\n", "users", "password", "ada@example.com", "--data", Data)).Code);
        await using var again = await CairnProcess.ServeWith(Data, ("Cairn__Admin__Email", "ada@example.com"), ("Cairn__Admin__Password", Phrase));
        Assert.Equal(HttpStatusCode.OK, (await Post(again.Address("Console"), "/api/auth/login", new { email = "ada@example.com", password = "another odd phrase" })).Status);
    }

    [Fact]
    public async Task Accounts_are_added_listed_changed_and_removed_while_the_server_runs()
    {
        await using var server = await CairnProcess.Serve(Data);
        var console = server.Address("Console");
        var made = await CairnProcess.RunWithInput(Phrase + "\n", "users", "add", "root@example.com", "--role", "admin", "--data", Data);
        Assert.Equal((0, "Added root@example.com (admin).\n"), (made.Code, made.Output));
        Assert.Equal(0, (await CairnProcess.RunWithInput("", "users", "add", "ada@example.com", "--role", "viewer", "--name", "Ada", "--data", Data)).Code);
        Assert.Equal(HttpStatusCode.OK, (await Post(console, "/api/auth/login", new { email = "root@example.com", password = Phrase })).Status);

        var link = await CairnProcess.Run("users", "link", "ADA@example.com", "--data", Data);
        Assert.StartsWith(new Uri(console, "/login/link#").ToString(), link.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Post(console, "/api/auth/link", new { token = Token(link.Lines[^1]) })).Status);

        Assert.Equal(0, (await CairnProcess.Run("users", "role", "ada@example.com", "admin", "--data", Data)).Code);
        var listed = (await CairnProcess.Run("users", "list", "--data", Data)).Lines.Select(line => line.Split('\t')).ToList();
        Assert.Equal(["ada@example.com admin Ada link active", "root@example.com admin - password active"], listed.Select(cells => $"{cells[0]} {cells[1]} {cells[2]} {cells[3]} {cells[6]}"));
        Assert.Equal(0, (await CairnProcess.Run("users", "disable", "root@example.com", "--data", Data)).Code);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Post(console, "/api/auth/login", new { email = "root@example.com", password = Phrase })).Status);

        var last = await CairnProcess.Run("users", "remove", "ada@example.com", "--data", Data);
        Assert.Equal(1, last.Code);
        Assert.Contains("last administrator", Assert.Single(last.ErrorLines), StringComparison.Ordinal);
        Assert.Equal(0, (await CairnProcess.Run("users", "enable", "root@example.com", "--data", Data)).Code);
        Assert.Equal(0, (await CairnProcess.Run("users", "remove", "ada@example.com", "--data", Data)).Code);
        Assert.Single((await CairnProcess.Run("users", "list", "--data", Data)).Lines);
    }

    [Fact]
    public async Task While_there_is_no_administrator_a_link_makes_one()
    {
        var link = await CairnProcess.Run("users", "link", "ada@example.com", "--data", Data);
        Assert.Equal(0, link.Code);
        await using var server = await CairnProcess.Serve(Data);
        Assert.Equal("admin", (await Post(server.Address("Console"), "/api/auth/link", new { token = Token(link.Lines[^1]) })).Body.GetProperty("user").GetProperty("role").GetString());
        Assert.Equal(1, (await CairnProcess.Run("users", "link", "eve@example.com", "--data", Data)).Code);
    }

    [Theory]
    [InlineData(2, "role", "users", "add", "ada@example.com", "--role", "root")]
    [InlineData(2, "email is not an e-mail address", "users", "add", "ada", "--role", "admin")]
    [InlineData(1, "no account", "users", "role", "nobody@example.com", "admin")]
    [InlineData(2, "--role", "users", "add", "ada@example.com")]
    public async Task What_cannot_be_done_is_said_in_one_line(int code, string said, params string[] command)
    {
        Assert.Equal(0, (await CairnProcess.RunWithInput(Phrase + "\n", "users", "add", "root@example.com", "--role", "admin", "--data", Data)).Code);
        var ended = await CairnProcess.RunWithInput("", [.. command, "--data", Data]);
        Assert.Equal(code, ended.Code);
        Assert.Contains(said, ended.ErrorLines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_that_was_changed_between_two_starts_is_an_event()
    {
        await using (var server = await CairnProcess.Serve(Data)) await server.StopAndEnd();
        await File.WriteAllTextAsync(Path.Combine(Data, "cairn.json"), """{"Retention":{"EventDays":730},"Oidc":{"Issuer":"https://id.example.com","ClientId":"cairn","ClientSecret":"a secret of the provider"}}""", Client.Cancel);
        await using (var server = await CairnProcess.Serve(Data)) await server.StopAndEnd();
        var told = (await CairnProcess.Run("export", "events", "--format", "jsonl", "--action", "audit.settings_changed", "--data", Data)).Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var changes = Assert.Single(told).GetProperty("metadata").GetProperty("changes");
        Assert.Equal("""{"from":"365","to":"730"}""", changes.GetProperty("Retention:EventDays").GetRawText());
        Assert.Equal("""{"from":null,"to":"https://id.example.com"}""", changes.GetProperty("Oidc:Issuer").GetRawText());
        Assert.DoesNotContain("a secret of the provider", changes.GetRawText(), StringComparison.Ordinal);
    }
}
