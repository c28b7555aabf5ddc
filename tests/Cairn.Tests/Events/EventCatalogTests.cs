namespace Cairn.Events;

public sealed class EventCatalogTests
{
    [Theory]
    [InlineData("workspace.stopped", "Stopped workspace")]
    [InlineData("platform.configuration.changed", "Changed platform config")]
    [InlineData("billing.invoice_paid", "Invoice paid")]
    [InlineData("a.b.c", "C")]
    [InlineData("login", "Login")]
    [InlineData("billing.élan_vital", "Élan vital")]
    [InlineData("billing.", "billing.")]
    [InlineData("billing._", "billing._")]
    [InlineData("", "")]
    public void Every_action_has_a_label(string action, string label) => Assert.Equal(label, EventCatalog.Known.Label(action));

    [Fact]
    public void What_is_configured_wins_over_what_is_known()
    {
        var catalog = new EventCatalog([new("workspace.stopped", "Halted"), new("ship.launched", "Launched a ship")], [new("User", "Person", "/people/{id}"), new("Ship", "Ship", null)]);
        Assert.Equal("Halted", catalog.Label("workspace.stopped"));
        Assert.Equal("Launched a ship", catalog.Label("ship.launched"));
        Assert.Equal("Started workspace", catalog.Label("workspace.started"));
        Assert.Equal("/people/7", catalog.Link("User", "7"));
        Assert.Contains(catalog.Resources, type => type.Name == "Ship");
        Assert.Contains(catalog.Resources, type => type.Name == "Project");
    }

    [Theory]
    [InlineData("7", "/users/7/edit")]
    [InlineData("a/../b?c#d", "/users/a%2F..%2Fb%3Fc%23d/edit")]
    [InlineData("é \"<", "/users/%C3%A9%20%22%3C/edit")]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void A_link_holds_the_id_escaped_and_is_absent_without_one(string? id, string? link) =>
        Assert.Equal(link, new EventCatalog([], [new("User", "User", "/users/{id}/edit")]).Link("User", id));

    [Fact]
    public void A_type_that_is_unknown_or_has_no_template_has_no_link()
    {
        Assert.Null(EventCatalog.Known.Link("Project", "7"));
        Assert.Null(EventCatalog.Known.Link("Unheard", "7"));
        Assert.Null(EventCatalog.Known.Link(null, "7"));
    }

    [Fact]
    public void No_action_both_begins_and_ends_something() =>
        Assert.DoesNotContain(EventCatalog.Known.Actions, action => EventCatalog.Begins(action.Key) && EventCatalog.Ends(action.Key));

    [Theory]
    [InlineData("project.created", true, false), InlineData("workspace.destroyed", false, true), InlineData("docker_server.removed", false, true), InlineData("invitation.revoked", false, true)]
    [InlineData("project.updated", false, false), InlineData("user.deactivated", false, false), InlineData("project.member_removed", false, false), InlineData("project.member_added", false, false), InlineData("created.by_someone", false, false)]
    public void An_action_begins_or_ends_its_resource_by_its_last_word(string action, bool begins, bool ends) =>
        Assert.Equal((begins, ends), (EventCatalog.Begins(action), EventCatalog.Ends(action)));
}
