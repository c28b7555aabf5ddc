using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Cairn.Storage.ClickHouse;

/// <summary>ClickHouse answered, and said no.</summary>
sealed class ClickHouseException(int code, string message) : IOException(message)
{
    /// <summary>ClickHouse's own number of the failure.</summary>
    public int Code => code;

    public bool IsAboutRights => code is 192 or 193 or 194 or 497 or 516;
}

/// <summary>
/// ClickHouse over HTTP. Every statement is sent in one request and its answer is read whole: the server is told to hold an answer
/// back until it is complete, because a failure after the first byte would otherwise look like the end of the answer.
/// </summary>
sealed partial class ClickHouseClient : IDisposable
{
    static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(60), InsertsWithin = TimeSpan.FromMinutes(3);

    /// <summary>What a statement is run with, as far as the server knows it: it refuses settings that it does not know.</summary>
    static readonly (string Name, string Value)[] Wanted =
    [
        ("max_query_size", "268435456"), ("max_ast_elements", "10000000"), ("max_expanded_ast_elements", "10000000"),
        ("cancel_http_readonly_queries_on_client_close", "1"),
        // An insert is answered when every shard has it, and a day more in it is no failure.
        ("insert_distributed_sync", "1"), ("max_partitions_per_insert_block", "0"), ("async_insert", "0"),
        // Readers ask every shard by the same name.
        ("skip_unavailable_shards", "0"), ("prefer_localhost_replica", "1"),
    ];

    readonly ClickHouseAddress address;
    readonly HttpClient http, inserts;
    string settings = "&max_query_size=268435456";
    int current;

    public ClickHouseClient(ClickHouseAddress address)
    {
        this.address = address;
        // The server ends a connection that is idle for three seconds.
        http = Client(new() { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(2), ConnectTimeout = TimeSpan.FromSeconds(3), UseProxy = false, AllowAutoRedirect = false });
        // A connection that was used before may be found closed, and the request be sent again by itself; an insert must not be.
        inserts = Client(new() { PooledConnectionLifetime = TimeSpan.Zero, ConnectTimeout = TimeSpan.FromSeconds(3), UseProxy = false, AllowAutoRedirect = false });

        HttpClient Client(SocketsHttpHandler handler)
        {
            handler.RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8;
            var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
            client.DefaultRequestHeaders.Add("X-ClickHouse-User", address.User);
            if (address.Password != "") client.DefaultRequestHeaders.Add("X-ClickHouse-Key", address.Password);
            return client;
        }
    }

    public IReadOnlyList<Uri> Hosts => address.Hosts;

    /// <summary>Which of them is asked just now.</summary>
    public Uri Host => address.Hosts[Volatile.Read(ref current) % address.Hosts.Count];

    /// <summary>Learns which of the settings this server has.</summary>
    public async Task LearnSettings(CancellationToken cancel)
    {
        var known = (await Text($"SELECT name FROM system.settings WHERE name IN ({string.Join(", ", Wanted.Select(one => $"'{one.Name}'"))})", cancel)).Split('\n').ToHashSet();
        settings = string.Concat(Wanted.Where(one => known.Contains(one.Name)).Select(one => $"&{one.Name}={one.Value}"));
    }

    /// <summary>The answer of a query, which names its own format.</summary>
    /// <exception cref="LogUnavailableException">No host answers.</exception>
    /// <exception cref="ClickHouseException">One answers, and refuses.</exception>
    public async Task<byte[]> Query(string sql, CancellationToken cancel, Uri? host = null, bool inDatabase = true, TimeSpan? within = null)
    {
        for (var tried = 0; ; tried++)
        {
            var at = Volatile.Read(ref current);
            try
            {
                using var body = new ByteArrayContent(Encoding.UTF8.GetBytes(sql));
                return await Send(http, Address(host ?? address.Hosts[at % address.Hosts.Count], "", inDatabase), body, within ?? AnswersWithin, cancel);
            }
            catch (LogUnavailableException) when (host is null && tried + 1 < address.Hosts.Count)
            {
                Interlocked.CompareExchange(ref current, at + 1, at);
            }
        }
    }

    /// <summary>One line of text for each row.</summary>
    public async Task<string> Text(string sql, CancellationToken cancel, Uri? host = null, bool inDatabase = true) =>
        Encoding.UTF8.GetString(await Query(sql, cancel, host, inDatabase)).TrimEnd('\n');

    public async Task<long> Number(string sql, CancellationToken cancel) => long.Parse(await Text(sql, cancel), CultureInfo.InvariantCulture);

    /// <summary>Sends rows once. When it throws, some, all or none of them may have been stored.</summary>
    /// <param name="query">The name under which the server runs it, by which one can ask whether it still does.</param>
    public async Task Insert(string table, string columns, IReadOnlyList<ReadOnlyMemory<byte>> rows, string query, CancellationToken cancel)
    {
        var at = Volatile.Read(ref current);
        try
        {
            using var body = new RowsContent(rows);
            var sql = $"INSERT INTO {table} ({columns}) FORMAT RowBinary";
            await Send(inserts, Address(address.Hosts[at % address.Hosts.Count], $"&query={Uri.EscapeDataString(sql)}&query_id={query}"), body, InsertsWithin, cancel);
        }
        catch (LogUnavailableException)
        {
            Interlocked.CompareExchange(ref current, at + 1, at);
            throw;
        }
    }

    Uri Address(Uri host, string more, bool inDatabase = true) => new(host, $"/?wait_end_of_query=1{(inDatabase ? "&database=" + address.Database : "")}{settings}{more}");

    static async Task<byte[]> Send(HttpClient client, Uri url, HttpContent body, TimeSpan within, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(within);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = body };
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            var bytes = await answer.Content.ReadAsByteArrayAsync(patience.Token);
            if (answer.IsSuccessStatusCode) return bytes;
            throw Refusal(Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, 4_000))));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new LogUnavailableException($"ClickHouse at {url.Authority} does not answer within {within.TotalSeconds:0} s.");
        }
        catch (Exception error) when (error is HttpRequestException or HttpIOException or SocketException or IOException and not ClickHouseException)
        {
            throw new LogUnavailableException($"ClickHouse at {url.Authority} is away ({(error.InnerException ?? error).Message.TrimEnd('.')}).", error);
        }
    }

    /// <summary>Only ClickHouse's own sentence, on one line: what follows it names our statement and the server's inside.</summary>
    static ClickHouseException Refusal(string text)
    {
        var match = Sentence().Match(text);
        return match.Success
            ? new(int.Parse(match.Groups["code"].Value, CultureInfo.InvariantCulture), $"ClickHouse refuses: {match.Groups["why"].Value.Trim()} (code {match.Groups["code"].Value}).")
            : new(0, "ClickHouse refuses without a reason.");
    }

    [GeneratedRegex(@"Code: (?<code>\d+)[^:]*?DB::Exception: (?<why>[^\n]{1,200}?)(, e\.what\(\)|\. \([A-Z_]+\)|:|\n|$)", RegexOptions.CultureInvariant)]
    private static partial Regex Sentence();

    public void Dispose()
    {
        http.Dispose();
        inserts.Dispose();
    }

    sealed class RowsContent : HttpContent
    {
        readonly IReadOnlyList<ReadOnlyMemory<byte>> rows;

        public RowsContent(IReadOnlyList<ReadOnlyMemory<byte>> rows)
        {
            this.rows = rows;
            Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        }

        protected override Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context, CancellationToken cancel)
        {
            foreach (var part in rows) await stream.WriteAsync(part, cancel);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = rows.Sum(part => (long)part.Length);
            return true;
        }
    }
}
