using Cairn.Access;

namespace Cairn.Hosting;

/// <summary>What answers a call.</summary>
delegate Task<IResult> Handler(HttpContext context, CairnHost host);

/// <summary>A group of routes under one path with one rule of access. A slice lists its routes here and has its handlers below.</summary>
sealed class Routes(WebApplication app, CairnHost host, string prefix, AccessRule rule)
{
    public Routes Get(string path, Handler handler, Operation operation) => Map(HttpMethods.Get, path, handler, operation);

    public Routes Post(string path, Handler handler, Operation operation) => Map(HttpMethods.Post, path, handler, operation);

    public Routes Put(string path, Handler handler, Operation operation) => Map(HttpMethods.Put, path, handler, operation);

    public Routes Patch(string path, Handler handler, Operation operation) => Map(HttpMethods.Patch, path, handler, operation);

    public Routes Delete(string path, Handler handler, Operation operation) => Map(HttpMethods.Delete, path, handler, operation);

    /// <summary>For what is not there: any method, and no part of the API's description.</summary>
    public Routes Any(string path, Handler handler)
    {
        app.MapMethods(prefix + path, [HttpMethods.Get, HttpMethods.Post, HttpMethods.Put, HttpMethods.Patch, HttpMethods.Delete, HttpMethods.Head, HttpMethods.Options], async context => await (await handler(context, host)).ExecuteAsync(context)).WithMetadata(rule);
        return this;
    }

    Routes Map(string method, string path, Handler handler, Operation operation)
    {
        app.MapMethods(prefix + path, [method], async context =>
        {
            // What is not understood is refused, also a body that says how something is meant.
            var answer = operation.Takes is null && HasBody(context.Request) ? Problems.Bad("This call takes no body; what it takes are the parameters of its address.") : await handler(context, host);
            await answer.ExecuteAsync(context);
        }).WithMetadata(rule, operation);
        return this;
    }

    static bool HasBody(HttpRequest request) => request.ContentLength > 0 || request.Headers.TransferEncoding.Count > 0;
}

static class RoutesOfListener
{
    public static Routes Routes(this WebApplication app, CairnHost host, string prefix, AccessRule rule) => new(app, host, prefix, rule);

    /// <summary>What stands for a name in a route's path.</summary>
    public static string RouteText(this HttpContext context, string name) => context.Request.RouteValues[name] as string ?? "";
}
