using Cairn.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cairn.Hosting;

public class OpenApiTests
{
    static readonly string Approved = Path.Combine(Repository.Root, "docs", "openapi.json");

    /// <summary>With APPROVE=1 in the environment the description is written to docs/openapi.json, to be looked at and committed.</summary>
    [Fact]
    public async Task The_served_description_is_the_approved_text()
    {
        using var directory = new TempDirectory();
        var settings = new Settings { DataDirectory = Path.Combine(directory.Path, "data"), Gateway = new("http://127.0.0.1:0"), Console = new("http://127.0.0.1:0") };
        await using var host = await CairnHost.Start(settings, TimeProvider.System, NullLoggerFactory.Instance);
        using var client = new HttpClient();
        var served = await client.GetStringAsync(new Uri(host.GatewayUrl!, "/openapi/v1.json"), TestContext.Current.CancellationToken);

        if (Environment.GetEnvironmentVariable("APPROVE") == "1") await File.WriteAllTextAsync(Approved, served, TestContext.Current.CancellationToken);
        var approved = await File.ReadAllTextAsync(Approved, TestContext.Current.CancellationToken);
        Assert.True(served == approved, "The API's description changed. Run APPROVE=1 ./test OpenApi, look at the difference of docs/openapi.json, and commit it.");
    }
}
