using Cairn.Hosting;

namespace Cairn.Commands;

/// <summary>A command that cannot do what it was asked. The message is all that a person needs to see.</summary>
sealed class CommandException(string message) : Exception(message);

/// <summary>How every command ends: 0 done, 1 not done, 2 not understood; what went wrong is one line on standard error.</summary>
static class Run
{
    public const int Done = 0, NotDone = 1, NotUnderstood = 2;

    public static async Task<int> Guarded(Func<Task<int>> command)
    {
        try
        {
            return await command();
        }
        catch (SettingException setting)
        {
            return Fail(setting.Message, NotUnderstood);
        }
        catch (CommandException known)
        {
            return Fail(known.Message, NotDone);
        }
        catch (IOException broken)
        {
            return Fail(broken.Message, NotDone);
        }
        catch (OperationCanceledException)
        {
            return Fail("Stopped.", NotDone);
        }
    }

    static int Fail(string message, int code)
    {
        Console.Error.WriteLine("cairn: " + message);
        return code;
    }
}
