using Cairn.Access;
using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>A link in the console's sidebar to a page of the host.</summary>
sealed record ConsoleLink(string Group, string Label, string Url);

/// <summary>What the console's pages need to know before anyone is signed in.</summary>
static class ConsoleConfig
{
    public static void MapConsoleConfig(this WebApplication app, CairnHost host) => app.Routes(host, "/api/config", AccessRule.Open)
        .Get("", Config, new("What the sign-in page needs: names, links, ways to sign in") { Answers = "Config" });

    static async Task<IResult> Config(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var settings = host.Settings;
        var hasAdministrator = await host.Control.HasAdministrator(context.RequestAborted);
        var isAdministrator = Caller.Of(context).Role == AccountRole.Admin;
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("productName", settings.ProductName);
            if (settings.BackLink is { } back)
            {
                writer.WriteStartObject("backLink");
                writer.WriteString("label", back.Label);
                writer.WriteString("url", back.Url);
                writer.WriteEndObject();
            }
            else writer.WriteNull("backLink");
            writer.WriteStartArray("links");
            foreach (var link in settings.Links)
            {
                writer.WriteStartObject();
                writer.WriteString("group", link.Group);
                writer.WriteString("label", link.Label);
                writer.WriteString("url", link.Url);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteStartObject("signIn");
            writer.WriteBoolean("password", true);
            if (settings.Oidc is { } oidc)
            {
                writer.WriteStartObject("provider");
                writer.WriteString("name", oidc.Name);
                writer.WriteString("url", "/api/auth/oidc/start");
                writer.WriteEndObject();
            }
            else writer.WriteNull("provider");
            writer.WriteEndObject();
            writer.WriteBoolean("needsAdministrator", !hasAdministrator);
            if (isAdministrator) writer.WriteBoolean("auditLogsEnabled", settings.AuditLogsEnabled);
            writer.WriteEndObject();
        });
    }
}
