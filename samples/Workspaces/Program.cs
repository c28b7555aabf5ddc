// An application with workspaces that people start and stop, and whose every start and stop is in the audit log.
//
//   dotnet run --project samples/Workspaces -- --Cairn:Key=crn_...
//   curl -X POST http://localhost:5080/workspaces/w-3/stop -H 'X-User: ada@example.com'

using System.Security.Claims;
using System.Text.Json.Nodes;
using Cairn.Client;

var builder = WebApplication.CreateSlimBuilder(args);
if (builder.Configuration["urls"] is null) builder.WebHost.UseUrls("http://localhost:5080");
builder.Services.AddCairn(cairn =>
{
    cairn.Url = new(builder.Configuration["Cairn:Url"] ?? "http://localhost:10243");
    cairn.Key = builder.Configuration["Cairn:Key"] ?? "";
    if (builder.Configuration["Cairn:Spool"] is { } spool) cairn.Spool = spool;
});

var app = builder.Build();
app.UseCairn();

// A real application signs people in; this one believes a header, so that it can be tried with curl.
app.Use((context, next) =>
{
    if (context.Request.Headers["X-User"].ToString() is { Length: > 0 } email)
        context.User = new(new ClaimsIdentity([new("sub", email), new("email", email), new("name", email.Split('@')[0]), new("role", "member")], "header"));
    return next(context);
});

var isRunning = new Dictionary<string, bool>();

app.MapPost("/workspaces/{id}/start", (string id, Audit audit) => Set(id, true, audit));
app.MapPost("/workspaces/{id}/stop", (string id, Audit audit) => Set(id, false, audit));
app.MapGet("/audit", (Audit audit) => $"{audit.Counts}");
app.Run();

IResult Set(string id, bool runs, Audit audit)
{
    lock (isRunning)
    {
        var did = isRunning.GetValueOrDefault(id);
        isRunning[id] = runs;
        audit.Record(
            runs ? "workspace.started" : "workspace.stopped", resource: new("Workspace", id, "workspace " + id),
            metadata: new JsonObject { ["changes"] = new JsonObject { ["running"] = new JsonObject { ["from"] = did, ["to"] = runs } } });
    }
    return Results.NoContent();
}
