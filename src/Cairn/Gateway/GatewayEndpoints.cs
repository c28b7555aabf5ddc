using Cairn.Access;
using Cairn.Hosting;

namespace Cairn.Gateway;

/// <summary>Where models are called: OpenAI's and Anthropic's paths, and an answer in their shape for whatever else is asked under <c>/v1</c>.</summary>
static class GatewayEndpoints
{
    public static void MapInference(this WebApplication app, CairnHost host)
    {
        var inference = host.Inference;
        foreach (var endpoint in InferenceEndpoint.All)
            app.Routes(host, "", Rule(inference, _ => endpoint)).Post(endpoint.Path, new Forwarder(inference, endpoint).Forward, new(Summary(endpoint)) { Takes = "Inference", Answers = "Inference", AnswerTypes = ["application/json", "text/event-stream"], Headers = ["x-request-id"] });
        app.Routes(host, "", Rule(inference, InferenceEndpoint.Models)).Get("/v1/models", ModelList.List, new("The models of all backends, in the shape of who asks") { Answers = "Inference", Headers = ["x-request-id"] });
        app.Routes(host, "", Rule(inference, InferenceEndpoint.Unknown)).Any("/v1/{**path}", NotThere);
    }

    static string Summary(InferenceEndpoint endpoint) => $"Call a model in {(endpoint.Dialect == Dialect.Anthropic ? "Anthropic" : "OpenAI")}'s shape; the body and the answer pass through unchanged";

    /// <summary>A key that may call models; whoever lacks one is told in the shape that their client reads.</summary>
    static AccessRule Rule(Inference inference, Func<HttpContext, InferenceEndpoint> endpoint) => AccessRule.Key(Scopes.Inference) with
    {
        Refuse = (context, problem) =>
        {
            if (problem != Problems.CannotLookUp) inference.RefusedKeys.Note(context.Connection.RemoteIpAddress);
            var shape = endpoint(context);
            var id = Call.NewId(shape.IdPrefix, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
            var type = problem.Code switch { StatusCodes.Status401Unauthorized => "invalid_api_key", StatusCodes.Status403Forbidden => "key_lacks_scope", _ => "keys_unavailable" };
            return new GatewayError(problem.Code, type, problem.Detail, problem.RetryAfterSeconds).Write(context, shape.Dialect, id);
        },
    };

    static async Task<IResult> NotThere(HttpContext context, CairnHost host)
    {
        var shape = InferenceEndpoint.Unknown(context);
        var known = InferenceEndpoint.All.Any(endpoint => context.Request.Path == endpoint.Path) ? "POST" : context.Request.Path == "/v1/models" ? "GET" : null;
        if (known is not null) context.Response.Headers.Allow = known;
        await host.Inference.Answer(context, shape, known is null ? GatewayError.NoPath : GatewayError.WrongMethod(known));
        return Results.Empty;
    }
}
