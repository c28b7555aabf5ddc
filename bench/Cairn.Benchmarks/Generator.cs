using System.Text;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Benchmarks;

/// <summary>How many distinct values the fields have.</summary>
sealed record Shape(string Name, int Models, int Keys, int Users, int Addresses, int Actors, int ResourceNames)
{
    public static readonly Shape Low = new("low", 5, 20, 200, 300, 200, 2_000);

    public static readonly Shape High = new("high", 50, 1_000, 20_000, 5_000, 10_000, 1_000_000);

    public override string ToString() => Name;
}

/// <summary>Draws that depend on the row's number only, so that every run and every table has the same rows.</summary>
struct Dice(ulong seed)
{
    ulong state = seed;

    public ulong Next()
    {
        var mixed = state += 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }

    public int Below(int most) => (int)(((UInt128)Next() * (ulong)most) >> 64);

    /// <summary>A place in a list whose first entries come up far more often than its last ones.</summary>
    public int Skewed(int most) => (int)(most * Math.Pow(Unit(), 3));

    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public Guid Uuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        BitConverter.TryWriteBytes(bytes, Next());
        BitConverter.TryWriteBytes(bytes[8..], Next());
        bytes[6] = (byte)(0x40 | (bytes[6] & 0x0f));
        bytes[8] = (byte)(0x80 | (bytes[8] & 0x3f));
        return new(bytes, bigEndian: true);
    }
}

/// <summary>Makes row <c>i</c> of a table of <paramref name="rows"/> rows that spans thirty days; rows beyond the end follow at four a second.</summary>
sealed class Generator(Shape shape, long rows)
{
    /// <summary>To be raised when rows become others, so that kept tables are made anew.</summary>
    public const int Version = 1;

    const long FirstMs = 1_780_272_000_000;
    const long ThirtyDaysMs = 30L * 24 * 3_600_000;
    const long StepBeyondMs = 250;

    public Shape Shape => shape;

    public long Rows => rows;

    public static long UntilMs => FirstMs + ThirtyDaysMs;

    long Ms(long i) => i < rows ? FirstMs + (long)((double)i * ThirtyDaysMs / rows) : UntilMs + (i - rows) * StepBeyondMs;

    static readonly string[] Statuses = ["success", "error", "timeout"];
    static readonly string[] Endpoints = ["/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/responses"];
    static readonly string[] Finishes = ["stop", "length", "tool_calls", "content_filter"];
    static readonly string[] Errors = ["rate_limit_exceeded", "backend_unreachable", "context_length_exceeded", "invalid_request_error", "client_cancelled"];
    static readonly string[] Families = ["gpt-4o", "claude-sonnet", "llama-3.1-70b", "qwen-2.5-coder", "mistral-large", "gemma-2-27b", "deepseek-v3", "phi-4", "command-r", "text-embedding-3"];
    const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    public static string Model(int number) => number < Families.Length / 2 ? Families[number] : $"{Families[number % Families.Length]}-{2024 + number % 3}-{1 + number % 12:00}";

    public static string Key(int number) => $"key_{(uint)number * 2654435761u:x8}";

    public static string User(int number) => $"user-{number:00000}@example.com";

    public RequestRecord Request(long i)
    {
        var dice = new Dice((ulong)i * 0xd1342543de82ef95 + 1);
        var model = dice.Below(1_000) == 0 ? shape.Models - 1 : dice.Skewed(shape.Models - 1);
        var failed = dice.Below(100) < 3;
        var status = failed ? dice.Below(10) == 0 ? 2 : 1 : 0;
        var key = dice.Skewed(shape.Keys);
        var duration = (long)(80 + 900 * Math.Exp(1.1 * (dice.Unit() + dice.Unit() + dice.Unit() - 1.5) * 2));
        var endpoint = dice.Below(100) switch { < 88 => 0, < 95 => 1, < 99 => 3, _ => 2 };
        var streams = endpoint is 0 or 3 && dice.Below(10) < 7;
        var prompt = 20 + (long)(dice.Unit() * dice.Unit() * 6_000);
        var completion = endpoint == 1 ? 0 : 5 + (long)(dice.Unit() * dice.Unit() * 1_500);
        var ms = Ms(i) - duration;

        // A record is written when its request ends and carries the time when it began: neighbours are a little out of order.
        var id = $"{(endpoint switch { 1 => "emb-", 2 => "cmpl-", 3 => "resp-", _ => "chatcmpl-" })}{ms:x12}{dice.Next() & 0xffffffffffff:x12}";
        var error = failed ? dice.Below(Errors.Length) : 0;
        return new()
        {
            RequestId = id,
            TimeMs = ms,
            Model = Model(model),
            BackendType = (model % 5) switch { 0 => "openai", 1 => "anthropic", _ => "local" },
            Endpoint = Endpoints[endpoint],
            DurationMs = duration,
            Status = Statuses[status],
            PromptTokens = failed ? null : prompt,
            CompletionTokens = failed ? null : completion,
            TotalTokens = failed ? null : prompt + completion,
            ErrorType = failed ? Errors[error] : null,
            ErrorMessage = failed ? $"{Errors[error]}: backend answered {400 + error * 7} after {dice.Below(400) * 25} ms" : null,
            Stream = streams,
            HttpStatus = failed ? status == 2 ? 504 : 400 + error * 7 : 200,
            TtftMs = failed ? null : Math.Min(duration, 40 + dice.Below(700)),
            FinishReason = failed ? null : Finishes[dice.Below(100) switch { < 80 => 0, < 88 => 1, < 99 => 2, _ => 3 }],
            ResponseModel = failed ? null : Model(model) + "-2026-05-01",
            UpstreamRequestId = failed ? null : Upstream(ref dice),
            ApiKeyId = Key(key),
            ApiKeyName = $"team {key % 97} production key {key}",
            User = User(dice.Skewed(shape.Users)),
            ClientIp = Address(dice.Skewed(shape.Addresses)),
        };
    }

    static string Upstream(ref Dice dice)
    {
        Span<char> text = stackalloc char[38];
        "chatcmpl-".CopyTo(text);
        for (var i = 9; i < text.Length; i++) text[i] = Letters[dice.Below(Letters.Length)];
        return new(text);
    }

    static string Address(int number) => $"10.{number / 65_536 % 256}.{number / 256 % 256}.{number % 256}";

    static readonly string[] First = ["Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace", "Hedy", "John", "Katherine", "Linus", "Margaret", "Niklaus", "Radia", "Tim"];
    static readonly string[] Last = ["Abbott", "Bakker", "Castillo", "Dubois", "Eriksen", "Fischer", "Garcia", "Hansen", "Ivanov", "Jansen", "Keller", "Larsen", "Moreau", "Novak", "Okafor", "Petrov"];
    static readonly string[] Roles = ["member", "admin", "owner", "guest"];
    static readonly string[] Agents =
    [
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        "platform-cli/2.14.1 (linux; amd64)",
        "terraform-provider-platform/1.9.0",
    ];

    static readonly (string Action, string Resource, int Weight)[] Actions =
    [
        ("auth.login", "User", 220), ("auth.logout", "User", 90), ("auth.login_failed", "User", 30), ("workspace.started", "Workspace", 150), ("workspace.stopped", "Workspace", 140),
        ("workspace.created", "Workspace", 40), ("workspace.destroyed", "Workspace", 30), ("workspace.kept", "Workspace", 20), ("project.updated", "Project", 110), ("project.created", "Project", 20),
        ("project.member_added", "Project", 30), ("project.member_removed", "Project", 15), ("template.updated", "Template", 40), ("group.updated", "Group", 20), ("invitation.sent", "Invitation", 15),
        ("invitation.accepted", "Invitation", 10), ("user.role_changed", "User", 8), ("user.impersonation_started", "User", 5), ("user.impersonation_ended", "User", 5), ("oauth_provider.enabled", "PlatformConfig", 1),
        ("platform.configuration.changed", "PlatformConfig", 1),
    ];

    static readonly int[] ActionOfWeight = [.. Actions.SelectMany((action, number) => Enumerable.Repeat(number, action.Weight))];

    /// <summary>A hundred words, each in one of a hundred names.</summary>
    static readonly string[] Words = [.. Enumerable.Range(0, 100).Select(Word)];

    static readonly string[] Nouns =
        ["gateway", "billing", "search", "ingest", "catalog", "workspace", "mailer", "reports", "console", "runner", "scheduler", "metrics", "invoices", "frontend", "models", "datasets", "notebook", "sandbox", "pipeline", "archive"];

    static string Word(int number)
    {
        const string consonants = "bdfgklmnprstvz", vowels = "aeiou";
        var dice = new Dice((ulong)number * 7919 + 17);
        return string.Concat(Enumerable.Range(0, 3).Select(_ => $"{consonants[dice.Below(consonants.Length)]}{vowels[dice.Below(vowels.Length)]}")) + consonants[number % consonants.Length];
    }

    /// <summary>A word that about one of a hundred resource names has.</summary>
    public static string CommonWord => Words[42];

    public static string ResourceName(int number)
    {
        var dice = new Dice((ulong)number * 31 + 5);
        var (word, noun) = (Words[dice.Below(Words.Length)], Nouns[dice.Below(Nouns.Length)]);
        return dice.Below(10) < 8 ? $"team-{word}-{noun}-{number}" : $"{word} {noun} {number}";
    }

    public static string ActorId(int number) => new Dice((ulong)number * 97 + 3).Uuid().ToString();

    public static string ResourceId(int number) => new Dice((ulong)number * 101 + 11).Uuid().ToString();

    public EventRecord Event(long i)
    {
        var dice = new Dice((ulong)i * 0xd1342543de82ef95 + 2);
        var (action, resource, _) = Actions[ActionOfWeight[dice.Below(ActionOfWeight.Length)]];
        var isSystem = dice.Below(100) < 3;
        var actor = dice.Skewed(shape.Actors);
        var name = dice.Below(shape.ResourceNames);
        var ms = Ms(i);
        var uuid = dice.Uuid();
        var (first, last) = (First[actor % First.Length], Last[actor / First.Length % Last.Length]);
        return new()
        {
            Id = UuidAt(uuid, ms).ToString(),
            TimeMs = ms,
            RecordedAtMs = ms + 20 + dice.Below(200),
            ActorId = isSystem ? null : ActorId(actor),
            ActorName = isSystem ? null : $"{first} {last} {actor}",
            ActorEmail = isSystem ? null : $"{first.ToLowerInvariant()}.{last.ToLowerInvariant()}{actor}@example.com",
            ActorRole = isSystem ? null : Roles[actor % Roles.Length],
            Action = action,
            Resource = resource,
            ResourceId = ResourceId(name),
            ResourceName = ResourceName(name),
            Outcome = action == "auth.login_failed" ? "failure" : dice.Below(200) == 0 ? "denied" : "success",
            Ip = isSystem ? null : Address(dice.Skewed(shape.Addresses)),
            UserAgent = isSystem ? null : Agents[actor % Agents.Length],
            Metadata = new StringBuilder("{\"reason\":\"").Append(Words[dice.Below(Words.Length)]).Append(" requested\",\"ticket\":\"OPS-").Append(10_000 + dice.Below(90_000))
                .Append("\",\"durationMs\":").Append(dice.Below(100_000)).Append(",\"attempt\":").Append(1 + dice.Below(5)).Append('}').ToString(),
        };
    }

    /// <summary>A UUIDv7 with drawn random bits, so that it is the same in every run.</summary>
    static Guid UuidAt(Guid drawn, long ms)
    {
        Span<byte> bytes = stackalloc byte[16];
        drawn.TryWriteBytes(bytes, bigEndian: true, out _);
        for (var i = 0; i < 6; i++) bytes[i] = (byte)(ms >> (8 * (5 - i)));
        bytes[6] = (byte)(0x70 | (bytes[6] & 0x0f));
        return new(bytes, bigEndian: true);
    }

    /// <summary>The rows from <paramref name="first"/> on, of the kind that <typeparamref name="T"/> is.</summary>
    public List<T> Take<T>(long first, int count) where T : class, IRecord, new()
    {
        var taken = new List<T>(count);
        for (var i = first; i < first + count; i++) taken.Add(typeof(T) == typeof(RequestRecord) ? (T)(object)Request(i) : (T)(object)Event(i));
        return taken;
    }
}
