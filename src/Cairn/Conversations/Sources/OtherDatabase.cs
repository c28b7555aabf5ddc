using Cairn.Hosting;

namespace Cairn.Conversations.Sources;

/// <summary>Conversations in a database that is not Cairn's.</summary>
static class OtherDatabase
{
    public static ConversationSource Open(Settings settings) =>
        new(settings.ConversationSource, DatabaseUrl.Open(settings.ConversationConnection!), settings.ConversationSource == "sql" ? SqlViews.Shape : OpenWebUi.Shape);
}
