using Cairn.Access;
using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>What only the owner of the data directory asks: is everything that is stored readable, and where does this process listen?</summary>
static class Check
{
    public static void MapCheck(this WebApplication app, CairnHost host) =>
        app.Routes(host, "/local", AccessRule.Administrator).Get("/check", Run, new("Read through everything that is stored"));

    static async Task<IResult> Run(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var damage = await host.Log.Damage(context.RequestAborted);
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("damage", damage);
            writer.WriteNumber("process", Environment.ProcessId);
            writer.WriteString("gateway", host.GatewayUrl?.OriginalString);
            writer.WriteString("console", host.ConsoleUrl?.OriginalString);
            writer.WriteEndObject();
        });
    }
}
