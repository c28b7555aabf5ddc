using System.CommandLine;
using Cairn.Commands;

// A table of contents: every command, in the order that --help shows them.
var root = new RootCommand("Cairn, a self-hosted audit log for AI platforms. Without a command it starts the server.")
{
    ServeCommand.Create(),
    KeysCommand.Create(),
    UsersCommand.Create(),
    ExportCommand.Create(),
    ImportCommand.Create(),
    TailCommand.Create(),
    PruneCommand.Create(),
    CopyCommand.Create(),
    DoctorCommand.Create(),
};
SettingOptions.AddTo(root);
root.SetAction((parsed, cancel) => ServeCommand.Run(parsed, cancel));

return await Run.Guarded(root, args);
