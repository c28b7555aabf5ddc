using System.CommandLine;
using System.CommandLine.Invocation;
using System.Net.Sockets;
using System.Net.WebSockets;
using Cairn.Hosting;

namespace Cairn.Commands;

/// <summary>A command that cannot do what it was asked. The message is all that a person needs to see.</summary>
sealed class CommandException(string message, int code = Run.NotDone) : Exception(message)
{
    public int Code => code;
}

/// <summary>How every command ends: 0 done, 1 not done, 2 not understood; what went wrong is one line on standard error.</summary>
static class Run
{
    public const int Done = 0, NotDone = 1, NotUnderstood = 2;

    /// <summary>A letter at the start of a value has no meaning of its own: a search for <c>@ada</c> names no file.</summary>
    static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    /// <summary>After Ctrl+C a command may finish what it is about; a server in the same process closes its connections.</summary>
    static readonly InvocationConfiguration Invoking = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(10) };

    public static async Task<int> Guarded(RootCommand root, string[] args)
    {
        try
        {
            var parsed = root.Parse(args, Parsing);
            // In a list of commands each is one line; its own help tells all of it.
            foreach (var listed in parsed.CommandResult.Command.Subcommands) listed.Description = FirstSentence(listed.Description ?? "");
            if (parsed.Action is not ParseErrorAction) return await parsed.InvokeAsync(Invoking);
            Say($"{string.Join(" ", parsed.Errors.Select(error => error.Message.Replace("\n\t", " ", StringComparison.Ordinal)).Distinct())} See '{NameOf(parsed.CommandResult)} --help'.");
            return NotUnderstood;
        }
        catch (SettingException setting)
        {
            return Fail(setting.Message, NotUnderstood);
        }
        catch (CommandException known)
        {
            return Fail(known.Message, known.Code);
        }
        catch (Exception broken) when (Terminal.IsClosed(broken))
        {
            // Who read the output has enough of it.
            return NotDone;
        }
        catch (Exception broken) when (broken is HttpRequestException or HttpIOException or SocketException or WebSocketException)
        {
            return Fail("The server went away in the middle of it. Start the command again.", NotDone);
        }
        catch (Exception broken) when (broken is IOException or UnauthorizedAccessException)
        {
            return Fail(broken.Message, NotDone);
        }
        catch (OperationCanceledException)
        {
            return Fail("Stopped.", NotDone);
        }
    }

    /// <summary>One line to the person, on standard error, so that it is never among the data.</summary>
    public static void Say(string message) => Console.Error.WriteLine("cairn: " + Terminal.Escaped(message));

    static int Fail(string message, int code)
    {
        Say(message);
        return code;
    }

    static string FirstSentence(string text) => text.Split('\n')[0].Split(". ")[0].TrimEnd('.');

    static string NameOf(System.CommandLine.Parsing.CommandResult command) =>
        command.Parent is System.CommandLine.Parsing.CommandResult outer ? $"{NameOf(outer)} {command.Command.Name}" : command.Command.Name;
}
