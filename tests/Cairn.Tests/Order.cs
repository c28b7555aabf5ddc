using Cairn.Support;

[assembly: TestCollectionOrderer(typeof(Cairn.Order))]

namespace Cairn;

public sealed class Order() : LongestFirst(
    nameof(Storage.ClickHouse.ClickHouseLogStoreTests), nameof(Pages.RequestsPageTests), nameof(Docs.ReadmeTests), nameof(Storage.Postgres.PostgresLogStoreTests), nameof(Pages.AccessibilityTests),
    nameof(Pages.ConversationsPageTests), nameof(Pages.FiguresTests), nameof(Pages.DemoPagesTests), nameof(Pages.EventsPageTests));
