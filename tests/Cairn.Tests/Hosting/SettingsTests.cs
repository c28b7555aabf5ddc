using Cairn.Access;
using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Hosting;

public class SettingsTests
{
    static SettingException Refused(string json)
    {
        using var directory = new TempDirectory();
        File.WriteAllText(Path.Combine(directory.Path, "cairn.json"), json);
        return Assert.Throws<SettingException>(() => Settings.Read(new Dictionary<string, string?> { ["Data"] = directory.Path }));
    }

    [Theory]
    [InlineData("""{"Retention":{"EventDay":5}}""", "Retention:EventDay")]
    [InlineData("""{"Retention":"x"}""", "Retention")]
    [InlineData("""{"Retention":{"EventDays":{"a":1}}}""", "Retention:EventDays:a")]
    [InlineData("""{"Foo":1}""", "Foo")]
    public void A_name_that_is_not_known_stops_the_start(string json, string name) =>
        Assert.StartsWith($"Setting {name} is not known", Refused(json).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("postgres://cairn:a%20secret@db.example.com:5433/au%20dit?sslmode=require", "postgres://cairn@db.example.com:5433/au dit"), InlineData("clickhouse://localhost/cairn", "clickhouse://localhost/cairn"), InlineData("sqlite", "sqlite")]
    public void The_address_of_a_store_is_shown_without_its_password(string text, string shown)
    {
        Assert.True(StoreAddress.TryRead(text, out var address));
        Assert.Equal(shown, address.ToString());
        Assert.Equal(text.Contains('%', StringComparison.Ordinal) ? "a secret" : null, address.Url is null ? null : address.Password);
    }

    [Theory]
    [InlineData("http://cairn.example.com:21443"), InlineData("https://localhost:1"), InlineData("http://localhost:1/path"), InlineData("nonsense")]
    public void An_address_is_localhost_or_a_number_so_that_no_name_opens_every_interface(string address) =>
        Assert.StartsWith("Setting Gateway:Url is '", Refused("{\"Gateway\":{\"Url\":\"" + address + "\"}}").Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("Console:PublicUrl", """{"Console":{"PublicUrl":"https://cairn.example.com/audit"}}"""), InlineData("Console:PublicUrl", """{"Console":{"PublicUrl":"cairn.example.com"}}""")]
    [InlineData("Console:BackUrl", """{"Console":{"BackUrl":"javascript:alert(1)"}}"""), InlineData("Console:Links:0:Url", """{"Console":{"Links":[{"Label":"Groups","Url":"//evil.example"}]}}""")]
    [InlineData("Console:Links:0:Label", """{"Console":{"Links":[{"Url":"/groups"}]}}""")]
    [InlineData("TrustedProxies", """{"TrustedProxies":"10.0.0.0/33"}"""), InlineData("TrustedProxies", """{"TrustedProxies":"proxy.example.com"}""")]
    [InlineData("Admin:Email", """{"Admin":{"Password":"a long and odd phrase"}}"""), InlineData("Admin:Email", """{"Admin":{"Email":"ada","Password":"a long and odd phrase"}}""")]
    [InlineData("Admin:Password", """{"Admin":{"Email":"ada@example.com"}}"""), InlineData("Admin:Password", """{"Admin":{"Email":"ada@example.com","Password":"a-secret"}}""")]
    [InlineData("Oidc:Issuer", """{"Oidc":{"ClientId":"cairn"}}"""), InlineData("Oidc:Issuer", """{"Oidc":{"Issuer":"http://id.example.com","ClientId":"cairn"}}"""), InlineData("Oidc:Issuer", """{"Oidc":{"Issuer":"https://u:a-secret@id.example.com","ClientId":"cairn"}}""")]
    [InlineData("Store", """{"Store":"postgres://cairn:a-secret@db"}"""), InlineData("Store", """{"Store":"mysql://cairn:a-secret@db/cairn"}"""), InlineData("Store", """{"Store":"postgres://:a-secret@/cairn"}""")]
    [InlineData("Oidc:ClientId", """{"Oidc":{"Issuer":"https://id.example.com"}}"""), InlineData("Oidc:Scope", """{"Oidc":{"Issuer":"https://id.example.com","ClientId":"cairn","Scope":"email"}}""")]
    public void A_value_that_is_not_understood_stops_the_start_and_no_secret_is_said(string name, string json)
    {
        var refused = Refused(json).Message;
        Assert.StartsWith($"Setting {name} ", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("a-secret", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_console_shows_and_who_signs_in_is_read()
    {
        using var directory = new TempDirectory();
        File.WriteAllText(Path.Combine(directory.Path, "cairn.json"), """
            {
              "TrustedProxies": "10.0.0.5, 2001:db8::/32",
              "Console": { "PublicUrl": "https://cairn.example.com", "ProductName": "Acme audit", "BackUrl": "https://app.example.com/", "Links": [ { "Group": "People", "Label": "Groups", "Url": "/groups" } ] },
              "Oidc": { "Issuer": "https://id.example.com/realms/main", "ClientId": "cairn", "RoleClaim": "realm_access.roles", "AdminValues": "root, cairn-admins", "UserValues": "-" }
            }
            """);
        var settings = Settings.Read(new Dictionary<string, string?> { ["Data"] = directory.Path });
        Assert.Equal(["10.0.0.5/32", "2001:db8::/32"], settings.TrustedProxies.Select(network => network.ToString()));
        Assert.Equal(("https://cairn.example.com/", "Acme audit", new ConsoleLink("", "Back to app", "https://app.example.com/")), (settings.PublicUrl!.ToString(), settings.ProductName, settings.BackLink));
        Assert.Equal([new ConsoleLink("People", "Groups", "/groups")], settings.Links);
        Assert.Equal((AccountRole.Admin, null, null), (settings.Oidc!.RoleOf(["x", "root"]), settings.Oidc.RoleOf(["x"]), settings.Oidc.RoleOf([])));
    }
}
