using Cairn.Access;
using Cairn.Conversations.Sources;
using Cairn.Records;

namespace Cairn.Demo;

/// <summary>What people of the demonstration's platform asked over the month, and what they were answered. All of it is invented.</summary>
static class DemoConversations
{
    sealed record Topic(string Title, string Tag, (string Asked, string Answered)[] Turns);

    static readonly Topic[] Topics =
    [
        new("Travel cost policy", "finance",
        [
            ("What may a hotel night cost on a trip to Lisbon?", "The travel policy allows up to 140 a night there. Anything above needs your lead's approval before you book."),
            ("And if the conference hotel is 165?", "Then ask for approval and name the conference; the policy mentions that case. Attach the hotel's rate to the request."),
            ("Write me that request, short.", "Subject: Hotel above the limit, Lisbon\n\nI would like to stay in the conference hotel (165 a night, three nights) because the evening sessions take place there. The difference to the limit is 75 in total."),
        ]),
        new("Slow query on the orders table", "engineering",
        [
            ("This query takes 4 seconds: SELECT * FROM orders WHERE lower(email) = lower($1). Why?", "The index on email cannot be used, because the query compares lower(email). Make an index on that expression:\n\nCREATE INDEX orders_lower_email ON orders (lower(email));"),
            ("Does that lock the table?", "CREATE INDEX does lock writes while it builds. CREATE INDEX CONCURRENTLY does not; it takes longer and cannot run inside a transaction."),
            ("It says INVALID now.", "Then an earlier attempt was interrupted. Drop the invalid index and create it again: DROP INDEX CONCURRENTLY orders_lower_email;"),
            ("Works, 3 ms. Thanks!", "Good. Add the index to your migrations, so that other environments get it as well."),
        ]),
        new("Summary of the support tickets of last week", "support",
        [
            ("Summarise these 14 tickets in five bullet points for the Monday meeting.", "- Five customers could not reset their password; the mail was delayed by up to an hour.\n- Three asked for an export in CSV.\n- Two reported wrong totals after the change to daylight saving time.\n- Two want to pay by invoice.\n- Two were questions about the roadmap."),
            ("Which of them are urgent?", "The delayed mails and the wrong totals. Both affect work that customers have to finish this month."),
        ]),
        new("Übersetzung der Einladung", "writing",
        [
            ("Übersetze ins Englische: „Wir laden Sie herzlich zu unserer Werkstattführung ein.“", "“We warmly invite you to a tour of our workshop.”"),
            ("Etwas förmlicher bitte.", "“We have the pleasure of inviting you to a guided tour of our workshop.”"),
        ]),
        new("Unit tests for the date parser", "engineering",
        [
            ("Which cases would you test for a function that reads ISO 8601 dates?", "Leap days, the last day of each month, offsets with and without a colon, a missing offset, fractions of a second, lower-case t and z, the 24:00 that some programs write, and text that follows the date."),
            ("Write the leap day ones with xunit.", "[Theory]\n[InlineData(\"2024-02-29\", true)]\n[InlineData(\"2025-02-29\", false)]\n[InlineData(\"2000-02-29\", true)]\n[InlineData(\"1900-02-29\", false)]\npublic void Leap_days(string text, bool isDate) => Assert.Equal(isDate, Dates.TryRead(text, out _));"),
        ]),
        new("GPU quota for the speech tests", "research",
        [
            ("How do I find out how much GPU time my workspace used this month?", "Open the workspace, then Usage. The bar shows hours used and your quota; the list below shows each session."),
            ("It says 118 of 120 hours. Can I get more?", "Quotas are raised by the platform team. Tell them the project, how many hours more, and until when."),
        ]),
        new("Draft of the release notes", "writing",
        [
            ("Turn this changelog into release notes that a customer understands.", "**What is new**\n\nYou can now filter the list by owner, and take the filtered list along as a file. Large lists open faster.\n\n**What was mended**\n\nTimes near the change to daylight saving time were off by an hour; they are right now."),
            ("Leave out the second part.", "**What is new**\n\nYou can now filter the list by owner, and take the filtered list along as a file. Large lists open faster."),
        ]),
        new("Is this mail a phishing attempt?", "security",
        [
            ("The mail says my mailbox is full and asks me to sign in at mail-quota.example.net. Is it real?", "Most likely not: the address is not your company's, it presses you for time, and it asks for your password. Do not follow the link; report the mail to your security team."),
        ]),
    ];

    /// <param name="owners">Whose conversations they are.</param>
    /// <param name="times">When each begins, in order.</param>
    public static IEnumerable<(NewConversation Conversation, List<NewMessage> Messages)> Of(string[] owners, IEnumerable<DateTimeOffset> times)
    {
        var random = new Random(20_260_311);
        var number = 0;
        foreach (var begun in times.ToList())
        {
            var (topic, owner) = (Topics[random.Next(Topics.Length)], owners[random.Next(owners.Length)]);
            var (id, at, messages) = ($"demo-{++number:0000}", begun, new List<NewMessage>());
            foreach (var (asked, answered) in topic.Turns[..random.Next(1, topic.Turns.Length + 1)])
            {
                messages.Add(new() { Id = $"m-{messages.Count + 1}", Role = "user", Content = asked, CreatedAtMs = at.ToUnixTimeMilliseconds(), TimeIsGiven = true, SenderEmail = owner });
                at = at.AddSeconds(2 + random.Next(12));
                messages.Add(new() { Id = $"m-{messages.Count + 1}", Role = "assistant", Content = answered, CreatedAtMs = at.ToUnixTimeMilliseconds(), TimeIsGiven = true, Metadata = Deed.Of(("model", random.Next(3) == 0 ? "gpt-5-mini" : "llama-3.3-70b")) });
                at = at.AddSeconds(30 + random.Next(400));
            }
            var fate = random.Next(20);
            yield return (new(id, topic.Title, owner, begun.ToUnixTimeMilliseconds(), null, fate < 3, fate == 19 ? at.ToUnixTimeMilliseconds() : null, fate == 5,
                Texts(random.Next(3) == 0 ? [] : [topic.Tag]), Texts(random.Next(8) == 0 ? [owners[random.Next(owners.Length)]] : [])), messages);
        }

        static string Texts(string[] texts) => texts.Length == 0 ? "" : RecordJson.Text(writer =>
        {
            writer.WriteStartArray();
            foreach (var text in texts) writer.WriteStringValue(text);
            writer.WriteEndArray();
        });
    }
}
