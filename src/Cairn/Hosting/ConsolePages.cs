using System.Collections.Frozen;
using System.Security.Cryptography;
using Cairn.Access;
using Microsoft.Net.Http.Headers;

namespace Cairn.Hosting;

/// <summary>
/// The console's pages: the files that the build makes of <c>console/</c>, carried inside the program. Nothing in them is
/// secret. Scripts and styles are named by their content and kept by browsers for ever; the page that names them is asked for
/// anew each time.
/// </summary>
static class ConsolePages
{
    /// <summary>
    /// What a page may load: scripts, styles, pictures and answers of its own server, and nothing written into the page itself. The one
    /// hash is that of the constant style with which Primer hides what is only read aloud (live-region).
    /// </summary>
    const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-DTxLo/p0U68OvQ0C/ZBm32x0lyr7xl7Dd6LHwBsg7sc='; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    const string Page = "index.html", Prefix = "console/";

    /// <summary>Paths that are never a page, whatever the caller accepts.</summary>
    static readonly PathString[] NoPages = ["/api", "/v1", "/openapi", "/healthz", "/readyz", "/metrics", "/assets"];

    static readonly FrozenDictionary<string, PageFile> Files = typeof(ConsolePages).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .ToFrozenDictionary(name => name[Prefix.Length..], name => new PageFile(name), StringComparer.Ordinal);

    public static void MapConsolePages(this WebApplication app)
    {
        Map("/", _ => Page).WithMetadata(new EveryPage());
        Map("/favicon.svg", _ => "favicon.svg");
        Map("/assets/{file}", context => "assets/" + context.RouteText("file"));

        IEndpointConventionBuilder Map(string path, Func<HttpContext, string> file) =>
            app.MapMethods(path, [HttpMethods.Get], context => Send(context, file(context))).WithMetadata(AccessRule.Open).ExcludeFromDescription();
    }

    /// <summary>
    /// What a person's browser asks for and no route answers is the console's page, which finds out itself what the address
    /// means. Stands after routing and before access; a listener that has no pages is left as it is.
    /// </summary>
    public static void UseConsolePages(this WebApplication app)
    {
        var page = new Lazy<Endpoint?>(() => ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).FirstOrDefault(endpoint => endpoint.Metadata.GetMetadata<EveryPage>() is not null));
        app.Use((context, next) =>
        {
            if (context.GetEndpoint() is null && page.Value is { } found && IsForAPerson(context.Request)) context.SetEndpoint(found);
            return next(context);
        });
    }

    static bool IsForAPerson(HttpRequest request) =>
        HttpMethods.IsGet(request.Method)
        && request.GetTypedHeaders().Accept.Any(type => type.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase))
        && !NoPages.Any(path => request.Path.StartsWithSegments(path));

    static async Task Send(HttpContext context, string name)
    {
        var (request, response) = (context.Request, context.Response);
        if (!Files.TryGetValue(name, out var file))
        {
            response.Headers.CacheControl = "no-store";
            await Problems.NotFound(Files.Count == 0 ? "This Cairn was built without its console. Build it with Node.js at hand." : "There is no such file.").ExecuteAsync(context);
            return;
        }

        var (packed, encoding) = Smallest(name, file, request.GetTypedHeaders().AcceptEncoding);
        response.Headers.ContentSecurityPolicy = ContentPolicy;
        response.Headers.CacheControl = name.StartsWith("assets/", StringComparison.Ordinal) ? "public, max-age=31536000, immutable" : "no-cache";
        response.Headers.Vary = "Accept-Encoding";
        response.Headers.ETag = packed.Tag;
        if (request.Headers.IfNoneMatch.Any(tags => tags?.Contains(packed.Tag, StringComparison.Ordinal) == true))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentType = Path.GetExtension(name) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".svg" => "image/svg+xml",
            ".woff2" => "font/woff2",
            ".png" => "image/png",
            _ => "application/octet-stream",
        };
        if (encoding is not null) response.Headers.ContentEncoding = encoding;
        await using var content = packed.Open();
        response.ContentLength = content.Length;
        await content.CopyToAsync(response.Body, context.RequestAborted);
    }

    /// <summary>The build packed each text at its best; the caller gets the smallest that it takes.</summary>
    static (PageFile File, string? Encoding) Smallest(string name, PageFile plain, IList<StringWithQualityHeaderValue> accepted)
    {
        foreach (var (encoding, ending) in new[] { ("br", ".br"), ("gzip", ".gz") })
            if (accepted.Any(one => one.Value.Equals(encoding, StringComparison.OrdinalIgnoreCase) && one.Quality != 0) && Files.TryGetValue(name + ending, out var packed)) return (packed, encoding);
        return (plain, null);
    }

    /// <summary>Marks the route whose answer is the page for every address.</summary>
    sealed class EveryPage;

    sealed class PageFile(string resource)
    {
        readonly Lazy<string> tag = new(() =>
        {
            using var content = Find(resource);
            return $"\"{Convert.ToHexStringLower(SHA256.HashData(content)[..12])}\"";
        });

        public string Tag => tag.Value;

        public Stream Open() => Find(resource);

        static Stream Find(string resource) => typeof(ConsolePages).Assembly.GetManifestResourceStream(resource)!;
    }
}
