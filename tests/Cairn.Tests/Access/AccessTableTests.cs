using Cairn.Gateway;
using Cairn.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Cairn.Access;

/// <summary>Who may do what, as a table. A route that is missing from it fails.</summary>
public sealed class AccessTableTests
{
    /// <summary>Nobody in particular, a key of each scope alone, a person of each role. In a row each has a place: a letter for yes, a dash for no.</summary>
    static readonly string[] Callers = ["nobody", .. Scopes.All, .. AccountRoles.All];

    const string Open = "NIECRUVA", Nobody = "--------", Reader = "----R-VA", Administrator = "-------A", SignedIn = "-----UVA", Inference = "-I------", Events = "--E-----", Conversations = "---C----";

    /// <summary>A route, who may call it, and what it answers to who may.</summary>
    static readonly (string Route, string May, int Allowed)[] Gateway =
    [
        ("POST /api/v1/events", Events, 200),
        ("POST /api/v1/otlp/v1/logs", Events, 400),
        ("PUT /api/v1/conversations/{id}", Conversations, 400),
        ("POST /api/v1/conversations/{id}/messages", Conversations, 404),
        ("DELETE /api/v1/conversations/{id}", Conversations, 404),
        ("GET /admin/audit-logs", Reader, 200),
        ("GET /admin/audit-logs/stats", Reader, 200),
        ("GET /admin/audit-logs/timeline", Reader, 200),
        ("GET /admin/audit-logs/export", Reader, 200),
        ("GET /admin/ws/audit-logs", Reader, 426),
        .. InferenceEndpoint.All.Select(endpoint => ("POST " + endpoint.Path, Inference, 400)),
        ("GET /v1/models", Inference, 502),
        .. new[] { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS" }.Select(method => (method + " /v1/{**path}", Inference, 404)),
        ("GET /healthz", Open, 200),
        ("GET /readyz", Open, 200),
        ("GET /metrics", Open, 200),
        ("GET /openapi/v1.json", Open, 200),
    ];

    static readonly (string Route, string May, int Allowed)[] Shared =
    [
        ("GET /api/v1/admin/audit-logs", Reader, 200),
        ("GET /api/v1/admin/audit-logs/{id}", Reader, 404),
        ("GET /api/v1/admin/audit-logs/actors", Reader, 200),
        ("GET /api/v1/admin/audit-logs/catalog", Reader, 200),
        ("GET /api/v1/admin/audit-logs/export", Reader, 200),
        ("GET /api/v1/admin/ws/audit-logs", Reader, 426),
        ("GET /api/system/audit-logs", Reader, 200),
        ("GET /api/system/audit-logs/stats", Reader, 200),
        ("GET /api/system/audit-logs/timeline", Reader, 200),
        ("GET /api/system/audit-logs/export", Reader, 200),
        ("GET /api/system/ws/audit-logs", Reader, 426),
        ("GET /api/admin/audit-logs", Administrator, 200),
        ("GET /api/admin/audit-logs/{id}/messages", Administrator, 404),
        ("GET /api/admin/audit-logs/{id}/views", Administrator, 404),
        ("GET /api/admin/audit-logs/owners", Administrator, 200),
        ("GET /api/admin/audit-logs/export", Administrator, 200),
        ("GET /api/v1/admin/keys", Administrator, 200),
        ("POST /api/v1/admin/keys", Administrator, 400),
        ("DELETE /api/v1/admin/keys/{id}", Administrator, 404),
        ("GET /api/v1/admin/users", Administrator, 200),
        ("POST /api/v1/admin/users", Administrator, 400),
        ("PATCH /api/v1/admin/users/{id}", Administrator, 400),
        ("DELETE /api/v1/admin/users/{id}", Administrator, 404),
        ("POST /api/v1/admin/users/{id}/link", Administrator, 404),
        ("GET /api/v1/admin/retention", Administrator, 200),
        ("POST /api/v1/admin/retention/run", Administrator, 200),
        ("GET /api/v1/admin/health", Reader, 200),
    ];

    /// <summary>Pages hold nothing secret, and browsers keep them.</summary>
    static readonly (string Route, string May, int Allowed)[] Pages =
    [
        ("GET /", Open, 200),
        ("GET /favicon.svg", Open, 200),
        ("GET /assets/{file}", Open, 404),
    ];

    static readonly (string Route, string May, int Allowed)[] Console =
    [
        .. Shared,
        .. Pages,
        ("GET /api/config", Open, 200),
        ("POST /api/auth/login", Open, 400),
        ("POST /api/auth/link", Open, 400),
        ("GET /api/auth/oidc/start", Open, 404),
        ("GET /api/auth/oidc/callback", Open, 404),
        ("GET /api/auth/me", SignedIn, 200),
        ("POST /api/auth/password", SignedIn, 400),
        ("GET /api/auth/sessions", SignedIn, 200),
        ("DELETE /api/auth/sessions/{id}", SignedIn, 404),
        ("POST /api/auth/logout", SignedIn, 204),
        ("GET /api/v1/admin/sessions", Administrator, 200),
        ("DELETE /api/v1/admin/sessions/{id}", Administrator, 404),
        ("GET /healthz", Open, 200),
        ("GET /readyz", Open, 200),
        ("GET /openapi/v1.json", Open, 200),
    ];

    static readonly (string Route, string May, int Allowed)[] Owners =
    [
        .. Shared,
        ("GET /local/check", Nobody, 200),
        ("POST /local/import/requests", Nobody, 200),
        ("POST /local/import/events", Nobody, 200),
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
        // A list is what no call takes but those that import it; some take no body at all.
        return method == HttpMethod.Patch ? who.Patch(path, "[]")
            : method == HttpMethod.Put && path.StartsWith("/api/", StringComparison.Ordinal) ? who.Put(path, "[]")
            : method == HttpMethod.Post && !new[] { "/logout", "/link", "/run" }.Any(end => path.EndsWith(end, StringComparison.Ordinal)) ? who.Post(path, "[]")
            : method == HttpMethod.Post && path == "/api/auth/link" ? who.Post(path, "[]")
            : who.Send(method, path);
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
        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true });
        var wrong = new List<string>();

        // 1. Keys that are none any longer, or never were, may what nobody may.
        var revoked = await app.Key(Scopes.All, null);
        (await app.Owner.Delete("/api/v1/admin/keys/" + revoked.Key.Id)).Expect(200);
        var expired = await app.Key(Scopes.All, app.Clock.Now.AddDays(1));
        app.Clock.Move(TimeSpan.FromDays(1));
        foreach (var key in new[] { revoked.Text, expired.Text, KeyText.New(), "crn_" + new string('x', 36) }) await Try("nobody", key);

        // 2. Keys of one scope, and of all.
        await Try("nobody", null);
        foreach (var scope in Scopes.All) await Try(scope, await app.Key(scope));
        var all = await app.Key(Scopes.All);
        foreach (var (table, client) in new[] { (Gateway, app.Gateway(all)), (Console, app.Console(all)) })
            foreach (var (route, may, allowed) in table) Check("every scope", route, may[1..5].Trim('-').Length > 0 ? allowed : 403, await Call(client, route));

        // 3. People. Their cookie opens the console alone, though a browser sends it to the gateway as well.
        foreach (var role in AccountRoles.All)
        {
            var person = await app.Person(role);
            var atGateway = app.Gateway();
            foreach (var (name, value) in person.Cookies) atGateway.Cookies[name] = value;
            foreach (var (route, may, allowed) in Gateway) Check(role + " at the gateway", route, may == Open ? allowed : 401, await Call(atGateway, route));
            foreach (var (route, may, allowed) in Console) Check(role, route, may[Array.IndexOf(Callers, role)] != '-' ? allowed : 403, await Call(route.EndsWith("/logout", StringComparison.Ordinal) ? await app.Person(role) : person, route));
        }

        // 4. The owner of the data directory.
        foreach (var (route, _, allowed) in Owners) Check("owner", route, allowed, await Call(app.Owner, route));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        async Task Try(string name, string? key)
        {
            foreach (var (table, client) in new[] { (Gateway, app.Gateway(key)), (Console, app.Console(key)) })
                foreach (var (route, may, allowed) in table)
                    Check(name, route, may[Array.IndexOf(Callers, name)] != '-' ? allowed : name == "nobody" ? 401 : 403, await Call(client, route));
        }

        void Check(string name, string route, int expected, Answer answer)
        {
            if (answer.Status != expected) wrong.Add($"{name}: {route} answers {answer.Status}, not {expected}");
            if (answer.Header("X-Content-Type-Options") != "nosniff" || answer.Header("Referrer-Policy") != "no-referrer" || answer.Header("Content-Security-Policy") is null) wrong.Add($"{name}: {route} lacks a security header");
            if (answer.Header("Server") is not null) wrong.Add($"{name}: {route} names its server");
            // OpenTelemetry has a shape of its own for refusals.
            if (expected is 401 or 403 && answer.Header("Content-Type") != (route.StartsWith("POST /api/v1/otlp/", StringComparison.Ordinal) && answer.Text.StartsWith("{\"code\":", StringComparison.Ordinal) ? "application/json" : "application/problem+json")) wrong.Add($"{name}: {route} refuses without a problem");
            if (expected == 401 && answer.Header("WWW-Authenticate") != "Bearer") wrong.Add($"{name}: {route} does not say how to sign in");
            if (answer.Header("Cache-Control") != "no-store" && !Pages.Any(page => page.Route == route)) wrong.Add($"{name}: {route} may be stored by a cache");
        }
    }

    [Fact]
    public async Task A_route_without_a_rule_is_closed()
    {
        await using var app = await CairnApp.Start();
        var everyone = new Caller("u", "Ada") { Role = AccountRole.Admin, Scopes = Scopes.All };
        Assert.False(new AccessRule(null, null).Allows(everyone));
        foreach (var door in app.Host.Doors)
            foreach (var route in ((IEndpointRouteBuilder)door).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>())
                Assert.NotNull(route.Metadata.GetMetadata<AccessRule>());
    }

    [Fact]
    public async Task A_path_of_one_listener_is_not_found_on_the_other_whatever_Host_says()
    {
        await using var app = await CairnApp.Start();
        var key = await app.Key(Scopes.All);
        foreach (var (other, strange) in new[] { (app.Console(key), Gateway.ExceptBy(Console.Select(row => row.Route), row => row.Route)), (app.Gateway(key), Console.ExceptBy(Gateway.Select(row => row.Route), row => row.Route)), (app.Gateway(), Console.ExceptBy(Gateway.Select(row => row.Route), row => row.Route)), (app.Gateway(key), Owners.ExceptBy(Gateway.Select(row => row.Route), row => row.Route)), (app.Console(key), Owners.ExceptBy(Console.Select(row => row.Route), row => row.Route)) })
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
