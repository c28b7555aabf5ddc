using System.Text.RegularExpressions;
using Cairn.Support;

namespace Cairn.Hosting;

public sealed partial class ConsolePagesTests
{
    static readonly (string, string) ForAPerson = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");

    [GeneratedRegex("/assets/[^\"]+")]
    private static partial Regex Asset();

    [Theory]
    [InlineData("/")]
    [InlineData("/login")]
    [InlineData("/login/link")]
    [InlineData("/dashboard")]
    [InlineData("/admin")]
    [InlineData("/admin/audit-logs?search=a&page=2")]
    [InlineData("/no/such/page")]
    public async Task Every_address_that_a_person_opens_is_the_page_and_it_is_asked_for_anew(string path)
    {
        await using var app = await CairnApp.Start();
        var answer = (await app.Console().Send(HttpMethod.Get, path, null, ForAPerson)).Expect(200);
        Assert.Equal("text/html; charset=utf-8", answer.Header("Content-Type"));
        Assert.Equal("no-cache", answer.Header("Cache-Control"));
        Assert.Contains("<div id=\"root\">", answer.Text, StringComparison.Ordinal);

        var again = await app.Console().Send(HttpMethod.Get, path, null, ForAPerson, ("If-None-Match", answer.Header("ETag")!));
        Assert.Equal(304, again.Status);
        Assert.Empty(again.Bytes);
    }

    [Theory]
    [InlineData("/api/no/such")]
    [InlineData("/api")]
    [InlineData("/openapi/v2.json")]
    [InlineData("/healthz/x")]
    [InlineData("/metrics")]
    [InlineData("/v1/models")]
    [InlineData("/assets/no-such.js")]
    public async Task What_is_not_a_page_is_not_found_whoever_asks(string path)
    {
        await using var app = await CairnApp.Start();
        var answer = (await app.Console().Send(HttpMethod.Get, path, null, ForAPerson)).Expect(404);
        Assert.Equal("application/problem+json", answer.Header("Content-Type"));
    }

    [Fact]
    public async Task Only_a_person_who_reads_gets_the_page_and_only_at_the_console()
    {
        await using var app = await CairnApp.Start();
        (await app.Console().Send(HttpMethod.Get, "/admin/audit-logs", null, ("Accept", "application/json"))).Expect(404);
        (await app.Console().Get("/admin/audit-logs")).Expect(404);
        (await app.Console().Send(HttpMethod.Post, "/admin/audit-logs", null, ForAPerson)).Expect(404);
        (await app.Gateway().Send(HttpMethod.Get, "/", null, ForAPerson)).Expect(404);
        (await app.Gateway().Send(HttpMethod.Get, "/login", null, ForAPerson)).Expect(404);
    }

    [Fact]
    public async Task Scripts_and_styles_are_kept_for_ever_and_come_packed()
    {
        await using var app = await CairnApp.Start();
        var page = (await app.Console().Get("/")).Text;
        var assets = Asset().Matches(page).Select(match => match.Value).Distinct().ToArray();
        Assert.Contains(assets, asset => asset.EndsWith(".js", StringComparison.Ordinal));
        Assert.Contains(assets, asset => asset.EndsWith(".css", StringComparison.Ordinal));
        foreach (var asset in assets)
        {
            var plain = (await app.Console().Get(asset)).Expect(200);
            Assert.Equal("public, max-age=31536000, immutable", plain.Header("Cache-Control"));
            Assert.Equal(asset.EndsWith(".js", StringComparison.Ordinal) ? "text/javascript; charset=utf-8" : "text/css; charset=utf-8", plain.Header("Content-Type"));
            Assert.Null(plain.Header("Content-Encoding"));

            foreach (var (accepted, encoding) in new[] { ("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("zstd", null) })
            {
                var packed = (await app.Console().Send(HttpMethod.Get, asset, null, ("Accept-Encoding", accepted))).Expect(200);
                Assert.Equal(encoding, packed.Header("Content-Encoding"));
                Assert.Equal("Accept-Encoding", packed.Header("Vary"));
                Assert.True(encoding is null || packed.Bytes.Length < plain.Bytes.Length);
            }
        }
    }

    [Fact]
    public async Task A_page_may_run_nothing_but_its_own_files()
    {
        await using var app = await CairnApp.Start();
        var answer = (await app.Console().Get("/")).Expect(200);
        var policy = answer.Header("Content-Security-Policy")!;
        Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self' 'sha256-", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
        Assert.DoesNotContain("<style", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotMatch("<script(?![^>]* src=)", answer.Text);
    }
}
