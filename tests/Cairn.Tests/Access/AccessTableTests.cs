using Cairn.Gateway;
using Cairn.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Cairn.Access;

/// <summary>Who may do what, as a table. A route that is missing from it fails.</summary>
public sealed class AccessTableTests
{
    /// <summary>A route, the scope that it takes ("open" for everyone, "owner" for no key), and what it answers to who may.</summary>
    static readonly (string Route, string Takes, int Allowed)[] Gateway =
    [
        ("POST /api/v1/events", Scopes.EventsWrite, 200),
        ("GET /admin/audit-logs", Scopes.AuditRead, 200),
        ("GET /admin/audit-logs/stats", Scopes.AuditRead, 200),
        ("GET /admin/audit-logs/timeline", Scopes.AuditRead, 200),
        ("GET /admin/audit-logs/export", Scopes.AuditRead, 200),
        ("GET /admin/ws/audit-logs", Scopes.AuditRead, 426),
        .. InferenceEndpoint.All.Select(endpoint => ("POST " + endpoint.Path, Scopes.Inference, 400)),
        ("GET /v1/models", Scopes.Inference, 502),
        .. new[] { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS" }.Select(method => (method + " /v1/{**path}", Scopes.Inference, 404)),
        ("GET /healthz", "open", 200),
        ("GET /readyz", "open", 200),
        ("GET /metrics", "open", 200),
        ("GET /openapi/v1.json", "open", 200),
    ];

    static readonly (string Route, string Takes, int Allowed)[] Shared =
    [
        ("GET /api/v1/admin/audit-logs", Scopes.AuditRead, 200),
        ("GET /api/v1/admin/audit-logs/{id}", Scopes.AuditRead, 404),
        ("GET /api/v1/admin/audit-logs/actors", Scopes.AuditRead, 200),
        ("GET /api/v1/admin/audit-logs/catalog", Scopes.AuditRead, 200),
        ("GET /api/v1/admin/audit-logs/export", Scopes.AuditRead, 200),
        ("GET /api/v1/admin/ws/audit-logs", Scopes.AuditRead, 426),
        ("GET /api/system/audit-logs", Scopes.AuditRead, 200),
        ("GET /api/system/audit-logs/stats", Scopes.AuditRead, 200),
        ("GET /api/system/audit-logs/timeline", Scopes.AuditRead, 200),
        ("GET /api/system/audit-logs/export", Scopes.AuditRead, 200),
        ("GET /api/system/ws/audit-logs", Scopes.AuditRead, 426),
        ("GET /api/v1/admin/keys", "owner", 200),
        ("POST /api/v1/admin/keys", "owner", 400),
        ("DELETE /api/v1/admin/keys/{id}", "owner", 404),
        ("GET /api/v1/admin/retention", "owner", 200),
        ("POST /api/v1/admin/retention/run", "owner", 200),
        ("GET /api/v1/admin/health", Scopes.AuditRead, 200),
    ];

    static readonly (string Route, string Takes, int Allowed)[] Console =
    [
        .. Shared,
        ("GET /healthz", "open", 200),
        ("GET /readyz", "open", 200),
        ("GET /openapi/v1.json", "open", 200),
    ];

    static readonly (string Route, string Takes, int Allowed)[] Owners =
    [
        .. Shared,
        ("GET /local/check", "owner", 200),
        ("POST /local/import/requests", "owner", 200),
        ("POST /local/import/events", "owner", 200),
    ];

    static string[] Routes(WebApplication door) =>
    [
        .. ((IEndpointRouteBuilder)door).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .SelectMany(route => route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.Select(method => $"{method} {route.RoutePattern.RawText}"))
            .Order(StringComparer.Ordinal),
    ];

    static Task<Answer> Call(Client who, string route)
    {
        var (method, path) = (new HttpMethod(route.Split(' ')[0]), route.Split(' ')[1].Replace("{id}", "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", StringComparison.Ordinal));
        return method == HttpMethod.Post ? who.Post(path, "[]") : who.Send(method, path);
    }

    [Fact]
    public async Task Every_route_of_every_listener_is_in_the_table()
    {
        await using var app = await CairnApp.Start();
        string[] Table((string Route, string, int)[] rows) => [.. rows.Select(row => row.Route).Order(StringComparer.Ordinal)];
        Assert.Collection(app.Host.Doors,
            owners => Assert.Equal(Table(Owners), Routes(owners)),
            gateway => Assert.Equal(Table(Gateway), Routes(gateway)),
            console => Assert.Equal(Table(Console), Routes(console)));
    }

    [Fact]
    public async Task Who_may_do_what()
    {
        await using var app = await CairnApp.Start();
        var revoked = await app.Host.Keys.Create("revoked", Scopes.All, null, Client.Cancel);
        await app.Host.Keys.Revoke(revoked.Key.Id, Client.Cancel);
        var expired = await app.Host.Keys.Create("expired", Scopes.All, app.Clock.Now.AddDays(1), Client.Cancel);
        app.Clock.Move(TimeSpan.FromDays(1));

        var callers = new List<(string Name, string? Key)> { ("nobody", null), ("revoked", revoked.Text), ("expired", expired.Text), ("invented", "crn_" + new string('x', 36)), ("all", await app.Key(Scopes.All)) };
        foreach (var scope in Scopes.All) callers.Add((scope, await app.Key(scope)));

        var wrong = new List<string>();
        foreach (var (table, client) in new[] { (Gateway, (Func<string?, Client>)app.Gateway), (Console, app.Console) })
            foreach (var (name, key) in callers)
                foreach (var (route, takes, allowed) in table)
                {
                    var expected = takes == "open" ? allowed : name is "nobody" or "revoked" or "expired" or "invented" ? 401 : takes == name || (name == "all" && takes != "owner") ? allowed : 403;
                    Check(name, route, expected, await Call(client(key), route));
                }
        foreach (var (route, _, allowed) in Owners) Check("owner", route, allowed, await Call(app.Owner, route));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        void Check(string name, string route, int expected, Answer answer)
        {
            if (answer.Status != expected) wrong.Add($"{name}: {route} answers {answer.Status}, not {expected}");
            if (answer.Header("X-Content-Type-Options") != "nosniff" || answer.Header("Referrer-Policy") != "no-referrer" || answer.Header("Content-Security-Policy") is null) wrong.Add($"{name}: {route} lacks a security header");
            if (answer.Header("Server") is not null) wrong.Add($"{name}: {route} names its server");
            if (expected is 401 or 403 && answer.Header("Content-Type") != "application/problem+json") wrong.Add($"{name}: {route} refuses without a problem");
            if (expected == 401 && answer.Header("WWW-Authenticate") != "Bearer") wrong.Add($"{name}: {route} does not say how to sign in");
            if (!route.Contains("/healthz", StringComparison.Ordinal) && !route.Contains("/readyz", StringComparison.Ordinal) && !route.Contains("/metrics", StringComparison.Ordinal) && !route.Contains("/openapi", StringComparison.Ordinal)
                && answer.Header("Cache-Control") != "no-store") wrong.Add($"{name}: {route} may be stored by a cache");
        }
    }

    [Fact]
    public async Task A_path_of_one_listener_is_not_found_on_the_other_whatever_Host_says()
    {
        await using var app = await CairnApp.Start();
        var key = await app.Key(Scopes.All);
        foreach (var (other, strange) in new[] { (app.Console(key), Gateway.Except(Console)), (app.Gateway(key), Console.Except(Gateway)), (app.Gateway(), Console.Except(Gateway)), (app.Gateway(key), Owners.Except(Gateway)), (app.Console(key), Owners.Except(Console)) })
            foreach (var (route, _, _) in strange)
            {
                if (route == "POST /api/v1/events") { (await Call(other, route)).Expect(404); continue; }
                Assert.Equal(404, (await Call(other, route)).Status);
            }

        var host = app.Host.ConsoleUrl!.Authority;
        (await app.Gateway(key).Send(HttpMethod.Get, "/api/v1/admin/audit-logs", null, ("Host", host))).Expect(404);
        (await app.Console(key).Send(HttpMethod.Get, "/admin/audit-logs", null, ("Host", app.Host.GatewayUrl!.Authority))).Expect(404);
    }

    [Fact]
    public async Task Another_method_than_a_path_takes_is_a_405_that_says_which()
    {
        await using var app = await CairnApp.Start();
        var key = await app.Key(Scopes.All);
        foreach (var (client, path, takes) in new[]
        {
            (app.Gateway(key), "/api/v1/events", "POST"), (app.Gateway(), "/api/v1/events", "POST"), (app.Gateway(key), "/admin/audit-logs", "GET"), (app.Console(key), "/api/v1/admin/audit-logs", "GET"), (app.Owner, "/api/v1/admin/audit-logs", "GET"),
            (app.Console(), "/healthz", "GET"),
        })
            foreach (var method in new[] { HttpMethod.Head, HttpMethod.Options, HttpMethod.Put, HttpMethod.Patch, HttpMethod.Trace, new("BREW") })
            {
                var answer = (await client.Send(method, path)).Expect(405);
                Assert.Equal(takes, answer.Header("Allow"));
                Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
            }
    }
}
