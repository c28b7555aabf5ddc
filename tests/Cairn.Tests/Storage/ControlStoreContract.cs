using Cairn.Access;
using Cairn.Push;
using Cairn.Support;

namespace Cairn.Storage;

/// <summary>What every engine's control store does, told apart from how.</summary>
public abstract class ControlStoreContract
{
    /// <summary>Opens the store; again, it is the same one.</summary>
    private protected abstract Task<IControlStore> Open();

    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static readonly DateTimeOffset Noon = DateTimeOffset.FromUnixTimeMilliseconds(Some.Midnight + 12 * Some.Hour);

    static Notice Notice() => new(Some.EventId, """{"action":"a.b","text":"\"ü 😀"}""");

    static byte[] Hash() => System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(Some.Number));

    static Account Person(AccountRole role = AccountRole.Admin, string? email = null) => new($"id-{Some.Number}", email ?? $"Person-{Some.Number}@Example.com", role, Noon) { Name = "Zoë '; DROP TABLE accounts; --", PasswordHash = "hash" };

    static async Task<string[]> Told(IControlStore store) => [.. (await store.Notices(Cancel)).Select(notice => notice.Id)];

    [Fact]
    public async Task A_key_is_found_by_its_hash_with_all_that_was_said_of_it_and_its_notice_waits()
    {
        await using var store = await Open();
        var (hash, notice) = (Hash(), Notice());
        var key = new ApiKey("k1", "'name\" ü", [Scopes.AuditRead, Scopes.EventsWrite], Noon, Noon.AddDays(1), null, null);
        await store.Append(key, hash, notice, Cancel);
        await store.Append(new("k2", "other", [Scopes.Inference], Noon.AddSeconds(1), null, null, null), Hash(), null, Cancel);

        await using var again = await Open();
        var found = await again.FindKey(hash, Cancel);
        Assert.Equal((key.Id, key.Name, string.Join(' ', key.Scopes), key.CreatedAt, key.ExpiresAt), (found!.Id, found.Name, string.Join(' ', found.Scopes), found.CreatedAt, found.ExpiresAt));
        Assert.Null(await again.FindKey(Hash(), Cancel));
        Assert.Equal(["k1", "k2"], (await again.Keys(Cancel)).Select(one => one.Id));
        Assert.Equal([notice], await again.Notices(Cancel));
        await again.RemoveNotices([notice.Id, "another"], Cancel);
        Assert.Empty(await store.Notices(Cancel));
    }

    [Fact]
    public async Task A_key_is_revoked_once_and_keeps_the_first_time()
    {
        await using var store = await Open();
        await store.Append(new("k1", "name", [Scopes.Inference], Noon, null, null, null), Hash(), null, Cancel);
        var notice = Notice();
        Assert.Equal(Noon, (await store.RevokeKey("k1", Noon, notice, Cancel))!.RevokedAt);
        Assert.Equal(Noon, (await store.RevokeKey("k1", Noon.AddHours(1), Notice(), Cancel))!.RevokedAt);
        var before = await Told(store);
        Assert.Null(await store.RevokeKey("k2", Noon, Notice(), Cancel));
        Assert.Equal(before, await Told(store));
        Assert.Equal(notice.Id, before[0]);
    }

    [Fact]
    public async Task A_later_use_wins_over_an_earlier_one()
    {
        await using var store = await Open();
        await store.Append(new("k1", "name", [Scopes.Inference], Noon, null, null, null), Hash(), null, Cancel);
        foreach (var minutes in new[] { 1, 5, 3 }) await store.TouchKeys(new Dictionary<string, DateTimeOffset> { ["k1"] = Noon.AddMinutes(minutes), ["none"] = Noon }, Cancel);
        Assert.Equal(Noon.AddMinutes(5), (await store.Keys(Cancel))[0].LastUsedAt);
    }

    [Fact]
    public async Task An_account_is_found_by_id_address_in_any_case_and_subject()
    {
        await using var store = await Open();
        var person = Person() with { Subject = "https://id.example.com sub", LastSignInAt = Noon, DisabledAt = null };
        Assert.Equal(AccountChange.Done, await store.Append(person, Notice(), Cancel));
        Assert.Equal(person, await store.FindAccount(person.Id, Cancel));
        Assert.Equal(person, await store.FindAccountByEmail(person.Email.ToUpperInvariant(), Cancel));
        Assert.Equal(person, await store.FindAccountBySubject(person.Subject, Cancel));
        Assert.Null(await store.FindAccount("nobody", Cancel));
        Assert.Equal([person], await store.Accounts(Cancel));
        Assert.True(await store.HasAdministrator(Cancel));
    }

    [Fact]
    public async Task An_address_or_subject_is_one_persons_and_a_refused_change_leaves_no_notice()
    {
        await using var store = await Open();
        var first = Person() with { Subject = "s" };
        await store.Append(first, Notice(), Cancel);
        var before = await Told(store);
        Assert.Equal(AccountChange.Taken, await store.Append(Person(email: first.Email.ToUpperInvariant()), Notice(), Cancel));
        Assert.Equal(AccountChange.Taken, await store.Append(Person() with { Subject = "s" }, Notice(), Cancel));
        Assert.Equal(before, await Told(store));
        Assert.Equal(AccountChange.Done, await store.Append(Person(), Notice(), Cancel));
    }

    [Fact]
    public async Task The_last_administrator_stays_one()
    {
        await using var store = await Open();
        var (only, other) = (Person(), Person(AccountRole.Viewer));
        await store.Append(only, Notice(), Cancel);
        await store.Append(other, Notice(), Cancel);
        var before = await Told(store);
        Assert.Equal(AccountChange.LastAdministrator, (await store.Change(only.Id, now => (now with { Role = AccountRole.User }, Notice()), true, null, Cancel)).Change);
        Assert.Equal(AccountChange.LastAdministrator, (await store.Change(only.Id, now => (now with { DisabledAt = Noon }, Notice()), true, null, Cancel)).Change);
        Assert.Equal(AccountChange.LastAdministrator, await store.RemoveAccount(only.Id, Notice(), Cancel));
        Assert.Equal(AccountChange.NotFound, await store.RemoveAccount("nobody", Notice(), Cancel));
        Assert.Equal(before, await Told(store));
        Assert.Equal(only, await store.FindAccount(only.Id, Cancel));

        Assert.Equal(AccountChange.Done, (await store.Change(other.Id, now => (now with { Role = AccountRole.Admin }, Notice()), true, null, Cancel)).Change);
        Assert.Equal(AccountChange.Done, await store.RemoveAccount(only.Id, Notice(), Cancel));
        Assert.Equal(4, (await Told(store)).Length);
    }

    [Fact]
    public async Task Two_who_take_the_right_from_each_other_at_once_leave_one_administrator()
    {
        await using var store = await Open();
        await using var other = await Open();
        var people = new[] { Person(), Person() };
        foreach (var person in people) await store.Append(person, Notice(), Cancel);
        var outcomes = await Task.WhenAll(store.RemoveAccount(people[0].Id, Notice(), Cancel), other.RemoveAccount(people[1].Id, Notice(), Cancel));
        Assert.Equal([AccountChange.Done, AccountChange.LastAdministrator], outcomes.Order());
        Assert.True(await store.HasAdministrator(Cancel));
    }

    [Fact]
    public async Task A_change_ends_sessions_and_links_where_it_says_so_and_one_by_an_ended_session_is_not_made()
    {
        await using var store = await Open();
        var person = Person();
        await store.Append(person, Notice(), Cancel);
        var (hash, link) = (Hash(), Hash());
        var session = new Session("s1", person.Id, Noon, Noon, "192.0.2.1", "agent");
        Assert.True(await store.Append(session, person, hash, Notice(), Cancel));
        await store.Append(new SignInLink(person.Id, Noon.AddHours(1), null), link, Noon, null, Cancel);
        Assert.Equal(session, (await store.FindSession(hash, Cancel))!.Value.Session);
        Assert.Equal(Noon, (await store.FindAccount(person.Id, Cancel))!.LastSignInAt);

        Assert.Equal(AccountChange.Done, (await store.Change(person.Id, now => (now with { Name = null }, Notice()), false, "s1", Cancel)).Change);
        Assert.NotNull(await store.FindSession(hash, Cancel));
        Assert.Equal(AccountChange.Outdated, (await store.Change(person.Id, _ => null, true, null, Cancel)).Change);
        Assert.Equal(AccountChange.Done, (await store.Change(person.Id, now => (now with { PasswordHash = "new" }, Notice()), true, "s1", Cancel)).Change);
        Assert.Null(await store.FindSession(hash, Cancel));
        Assert.Null(await store.FindLink(link, Cancel));
        Assert.Equal(AccountChange.Outdated, (await store.Change(person.Id, now => (now, Notice()), false, "s1", Cancel)).Change);
        Assert.Equal(AccountChange.NotFound, (await store.Change("nobody", now => (now, Notice()), false, null, Cancel)).Change);
    }

    [Fact]
    public async Task Whoever_is_not_any_longer_what_they_were_when_they_were_let_in_gets_no_session()
    {
        await using var store = await Open();
        var person = Person() with { PasswordHash = null };
        await store.Append(person, Notice(), Cancel);
        var session = new Session("s1", person.Id, Noon, Noon, null, null);
        foreach (var seen in new[] { person with { Role = AccountRole.User }, person with { PasswordHash = "former" }, person with { Id = "removed" } })
        {
            var before = await Told(store);
            var hash = Hash();
            Assert.False(await store.Append(session, seen, hash, Notice(), Cancel));
            Assert.Null(await store.FindSession(hash, Cancel));
            Assert.Equal(before, await Told(store));
        }
        Assert.True(await store.Append(session, person, Hash(), Notice(), Cancel));
        Assert.Equal([session], await store.Sessions(Cancel));
        Assert.True(await store.EndSession("s1", Notice(), Cancel));
        Assert.False(await store.EndSession("s1", Notice(), Cancel));
    }

    [Fact]
    public async Task A_link_is_used_once_in_time_and_ends_with_the_next()
    {
        await using var store = await Open();
        var (first, second, late) = (Hash(), Hash(), Hash());
        await store.Append(new SignInLink(null, Noon.AddMinutes(15), null), first, Noon, null, Cancel);
        await store.Append(new SignInLink(null, Noon.AddMinutes(15), null), second, Noon.AddMinutes(1), Notice(), Cancel);
        await store.Append(new SignInLink("someone", Noon.AddMinutes(15), null), late, Noon, null, Cancel);
        Assert.False(await store.UseLink(first, Noon.AddMinutes(2), Cancel));
        Assert.Equal([false, true], (await Task.WhenAll(store.UseLink(second, Noon.AddMinutes(2), Cancel), store.UseLink(second, Noon.AddMinutes(2), Cancel))).Order());
        Assert.False(await store.UseLink(late, Noon.AddMinutes(15), Cancel));
        Assert.Equal(Noon.AddMinutes(2), (await store.FindLink(second, Cancel))!.UsedAt);
    }

    [Fact]
    public async Task What_was_long_not_used_is_dropped_and_nothing_else()
    {
        await using var store = await Open();
        var person = Person();
        await store.Append(person, Notice(), Cancel);
        foreach (var hours in new[] { 0, 5 }) await store.Append(new Session($"s{hours}", person.Id, Noon, Noon.AddHours(hours), null, null), person, Hash(), Notice(), Cancel);
        await store.TouchSessions(new Dictionary<string, DateTimeOffset> { ["s5"] = Noon.AddHours(6), ["none"] = Noon }, Cancel);
        await store.DropSessions(Noon.AddHours(6), Cancel);
        Assert.Equal(Noon.AddHours(6), Assert.Single(await store.Sessions(Cancel)).LastUsedAt);
    }

    [Fact]
    public async Task A_setting_is_what_was_saved_last()
    {
        await using var store = await Open();
        Assert.Null(await store.FindSetting("a", Cancel));
        await store.SaveSetting("a", "first", Cancel);
        await store.SaveSetting("a", "ü 'last'", Cancel);
        Assert.Equal("ü 'last'", await store.FindSetting("a", Cancel));
    }

    [Fact]
    public async Task How_far_a_target_is_moves_from_version_to_version_and_its_notice_with_it()
    {
        await using var store = await Open();
        Assert.Null(await store.FindPush("siem", Cancel));
        var first = new PushState("siem", 0, 7, 5);
        Assert.True(await store.SavePush(first, null, Cancel));
        Assert.False(await store.SavePush(first with { Events = 8 }, Notice(), Cancel));
        Assert.Equal(first with { Version = 1 }, await store.FindPush("siem", Cancel));

        var (failing, notice) = (new PushState("siem", 1, 9, 6) { Removed = 3, RemovedTold = 2, SucceededAt = Noon, FailingSince = Noon.AddMinutes(1), Problem = "it's \"away\" ü", IsRefused = true, IsTold = true }, Notice());
        Assert.True(await store.SavePush(failing, notice, Cancel));
        Assert.Equal(failing with { Version = 2 }, await store.FindPush("siem", Cancel));
        Assert.Equal([notice.Id], await Told(store));

        // Who did not see the last change changes nothing.
        Assert.False(await store.SavePush(failing with { Events = 10 }, Notice(), Cancel));
        Assert.False(await store.SavePush(failing with { Name = "other", Version = 3 }, Notice(), Cancel));
        await using var again = await Open();
        Assert.Equal(failing with { Version = 2 }, await again.FindPush("siem", Cancel));
        Assert.Equal([notice.Id], await Told(again));
        Assert.Null(await again.FindPush("other", Cancel));
    }

    [Fact]
    public async Task What_is_held_is_held_until_it_is_let_go()
    {
        await using var store = await Open();
        var hold = await store.TryHold("push.siem", Cancel);
        Assert.True(await hold!.IsHeld(Cancel));
        await hold.DisposeAsync();
        await using var second = await store.TryHold("push.siem", Cancel);
        Assert.True(await second!.IsHeld(Cancel));
    }
}
