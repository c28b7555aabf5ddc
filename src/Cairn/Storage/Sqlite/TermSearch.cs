using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>Finds the terms of a column that contain a text, in any case.</summary>
static class TermSearch
{
    /// <summary>Three letters in a row are what the letter index knows; more of them than this do not narrow the candidates further.</summary>
    const int MostTriples = 12;

    public static HashSet<long> Find<T>(Reader reader, Column<T> column, string search) where T : class, IRecord, new()
    {
        var found = new HashSet<long>();
        var letters = Triples(TermNumbers.Fold(search));

        if (column.Field.Search == Search.Listing || letters.Count == 0)
        {
            var all = reader.Statement("SELECT term, text FROM terms WHERE field = ?").Bind(1, column.Number);
            while (all.Step())
                if (Filter<T>.Contains(column.Field, all.Text(1), search)) found.Add(all.Integer(0));
            return found;
        }

        // The index answers candidates that hold all triples somewhere; the text decides.
        var isWhole = letters.Count == 1 && search.EnumerateRunes().Count() == 3;
        var text = reader.Statement("SELECT text FROM terms WHERE field = ? AND term = ?");
        var candidates = reader.Statement("SELECT rowid FROM term_letters WHERE rowid >= ? AND rowid < ? AND term_letters MATCH ?");
        candidates.Bind(1, TermNumbers.LettersRow(column.Number, 0)).Bind(2, TermNumbers.LettersRow(column.Number + 1, 0)).Bind(3, string.Join(" AND ", letters));
        while (candidates.Step())
        {
            var term = candidates.Integer(0) - TermNumbers.LettersRow(column.Number, 0);
            if (!isWhole)
            {
                if (!text.Bind(1, column.Number).Bind(2, term).Step()) continue;
                var contains = text.Text(0).Contains(search, StringComparison.OrdinalIgnoreCase);
                text.Reset();
                if (!contains) continue;
            }
            found.Add(term);
        }
        return found;
    }

    /// <summary>Each three letters in a row, quoted for the index; none when the text is shorter.</summary>
    static List<string> Triples(string text)
    {
        var runes = text.EnumerateRunes().ToArray();
        var triples = new List<string>();
        for (var i = 0; i + 3 <= runes.Length && triples.Count < MostTriples; i++)
        {
            var triple = string.Concat(runes[i], runes[i + 1], runes[i + 2]).Replace("\"", "\"\"", StringComparison.Ordinal);
            if (!triples.Contains($"\"{triple}\"")) triples.Add($"\"{triple}\"");
        }
        return triples;
    }
}
