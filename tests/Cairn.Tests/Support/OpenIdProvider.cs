using System.Diagnostics;
using System.Net;

namespace Cairn.Support;

/// <summary>A real OpenID Connect provider as a process of its own, and people who sign in there with a browser.</summary>
sealed class OpenIdProvider : IAsyncDisposable
{
    /// <summary>The console as browsers know it. The tests bring what goes there to where it really listens.</summary>
    public static readonly Uri Console = new("http://cairn.test");

    readonly Process process;

    OpenIdProvider(Process process, string issuer) => (this.process, Issuer) = (process, new(issuer));

    public Uri Issuer { get; }

    public static async Task<OpenIdProvider> Start(bool claimsByUserInfo = false)
    {
        var directory = Path.Combine(Repository.Root, "tests", "oidc");
        if (!Directory.Exists(Path.Combine(directory, "node_modules"))) Needs.Missing("npm ci in tests/oidc");
        var start = new ProcessStartInfo("node", ["provider.mjs", new Uri(Console, "/api/auth/oidc/callback").ToString()]) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["CLAIMS_BY_USERINFO"] = claimsByUserInfo ? "true" : "false";
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        while (await process.StandardOutput.ReadLineAsync(Client.Cancel) is { } line)
            if (line.StartsWith("ready ", StringComparison.Ordinal)) return new(process, line["ready ".Length..]);
        throw new InvalidOperationException("The provider ended before it was ready.");
    }

    /// <summary>What someone's role claim holds from now on.</summary>
    public async Task Roles(string person, string roles)
    {
        using var http = new HttpClient();
        (await http.PutAsync(new Uri(Issuer, $"/roles/{person}?roles={roles}"), null, Client.Cancel)).EnsureSuccessStatusCode();
    }

    /// <summary>Signs in at the provider, and answers where it then sends the browser: a path of the console.</summary>
    /// <param name="person">Null for someone who changes their mind.</param>
    public static async Task<string> Visit(string address, string? person)
    {
        using var browser = new HttpClient(new SocketsHttpHandler { CookieContainer = new CookieContainer(), AllowAutoRedirect = false });
        var next = new Uri(address);
        for (var step = 0; step < 20; step++)
        {
            if (next.Host == Console.Host) return next.PathAndQuery;
            using var page = await browser.GetAsync(next, Client.Cancel);
            if (page.Headers.Location is { } location)
            {
                next = new(next, location);
                continue;
            }
            var text = await page.Content.ReadAsStringAsync(Client.Cancel);
            Assert.True(page.IsSuccessStatusCode, text);
            if (person is null)
            {
                next = new(next, next.AbsolutePath + "/abort");
                continue;
            }
            var form = text.Contains("name=\"login\"", StringComparison.Ordinal)
                ? new Dictionary<string, string> { ["prompt"] = "login", ["login"] = person, ["password"] = "anything" }
                : new() { ["prompt"] = "consent" };
            using var answer = await browser.PostAsync(next, new FormUrlEncodedContent(form), Client.Cancel);
            next = new(next, answer.Headers.Location ?? throw new InvalidOperationException(await answer.Content.ReadAsStringAsync(Client.Cancel)));
        }
        throw new InvalidOperationException("The provider does not let go of the browser.");
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
    }
}
