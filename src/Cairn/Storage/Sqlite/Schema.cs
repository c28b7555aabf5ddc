using System.Reflection;

namespace Cairn.Storage.Sqlite;

/// <summary>Applies the numbered scripts of a database, each once, in one transaction each. A script is never edited after a release.</summary>
static class Schema
{
    public static void Apply(Connection writer, string database)
    {
        var assembly = typeof(Schema).Assembly;
        var scripts = assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(database + "-", StringComparison.Ordinal) && name.EndsWith(".sql", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .ToArray();

        var applied = (int)writer.Number("PRAGMA user_version");
        if (applied > scripts.Length)
            throw new IOException($"The data directory was written by a newer Cairn ({database} schema {applied}, this program knows {scripts.Length}); run that version or restore a backup.");

        for (var number = applied; number < scripts.Length; number++)
        {
            writer.Run("BEGIN IMMEDIATE");
            writer.Run(Text(assembly, scripts[number]));
            writer.Run($"PRAGMA user_version = {number + 1}");
            writer.Run("COMMIT");
        }
    }

    static string Text(Assembly assembly, string name)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
