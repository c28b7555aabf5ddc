using Cairn.Access;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Retention;

/// <summary>How retention stands, and a run on demand.</summary>
static class RetentionEndpoints
{
    public static void MapRetention(this WebApplication app, CairnHost host) => app.Routes(host, "/api/v1/admin/retention", AccessRule.Administrator)
        .Get("", State, new("What is kept for how long, the last run and the next") { Answers = "Retention" })
        .Post("/run", Run, new("Remove now what is too old")
        {
            Query = [new("dry_run", "Count, and remove nothing.", Allowed: ["false", "true"], Default: "false"), new("confirm", "Remove however much it is.", Allowed: ["false", "true"], Default: "false")],
            Answers = "RetentionRun",
        });

    static async Task<IResult> State(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var state = await host.Retention.State(context.RequestAborted);
        return new JsonAnswer(state.Write);
    }

    static async Task<IResult> Run(HttpContext context, CairnHost host)
    {
        var query = new Query(context.Request);
        var isDry = query.Choice("dry_run", "false", "false", "true") == "true";
        var confirmed = query.Choice("confirm", "false", "false", "true") == "true";
        if (query.Fault is { } fault) return Problems.Bad(fault);
        var run = await host.Retention.Run(By.Of(context), isDry, confirmed, context.RequestAborted);
        return new JsonAnswer(writer => RetentionState.Write(writer, run));
    }
}
