using Cairn.Support;

namespace Cairn.Access;

public sealed class PasswordsTests
{
    [Fact]
    public async Task A_password_is_kept_with_as_many_rounds_as_are_advised_and_a_salt_of_its_own()
    {
        var passwords = new Passwords();
        var (one, other) = (await passwords.Hash(CairnApp.Phrase, Client.Cancel), await passwords.Hash(CairnApp.Phrase, Client.Cancel));
        Assert.StartsWith("pbkdf2-sha512$210000$", one, StringComparison.Ordinal);
        Assert.NotEqual(one, other);
        Assert.True(await passwords.Matches(CairnApp.Phrase, one, Client.Cancel));
        Assert.False(await passwords.Matches(CairnApp.Phrase + "s", one, Client.Cancel));
    }

    [Fact]
    public async Task What_was_kept_with_other_rounds_stays_good()
    {
        var older = await new Passwords(rounds: 10).Hash(CairnApp.Phrase, Client.Cancel);
        Assert.True(await new Passwords(rounds: 20).Matches(CairnApp.Phrase, older, Client.Cancel));
        Assert.False(await new Passwords(rounds: 20).Matches("another odd phrase", older, Client.Cancel));
        Assert.False(await new Passwords(rounds: 10).Matches("", null, Client.Cancel));
    }
}
