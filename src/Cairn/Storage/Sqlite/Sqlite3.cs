using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cairn.Storage.Sqlite;

/// <summary>The few functions of SQLite's C interface that Cairn calls. Handles are owned by <see cref="Connection"/> and <see cref="Statement"/>.</summary>
static unsafe partial class Sqlite3
{
    const string Library = "e_sqlite3";

    public const int Ok = 0, Busy = 5, Interrupt = 9, Full = 13, Row = 100, Done = 101;
    public const int OpenReadOnly = 1, OpenReadWrite = 2, OpenCreate = 4, OpenNoMutex = 0x8000;
    public const int PreparePersistent = 1;
    public const int CheckpointPassive = 0, CheckpointRestart = 2;
    public const int TypeInteger = 1, TypeFloat = 2, TypeText = 3, TypeBlob = 4, TypeNull = 5;

    /// <summary>Tells SQLite to copy what is bound before the call returns.</summary>
    static readonly nint Transient = -1;

    static readonly System.Version Bundled = new(3, 35, 5);

    /// <summary>Takes the machine's own library where it is newer than the bundled one: it gets its security fixes from the machine's packages.</summary>
    [ModuleInitializer]
    internal static void Resolve() => NativeLibrary.SetDllImportResolver(typeof(Sqlite3).Assembly, Find);

    static nint Find(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library || !NativeLibrary.TryLoad("libsqlite3.so.0", out var library)) return 0;
        if (!NativeLibrary.TryGetExport(library, "sqlite3_libversion", out var version)
            || !NativeLibrary.TryGetExport(library, "sqlite3_compileoption_used", out var used)) return 0;

        var text = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)version)());
        bool HasFts5()
        {
            fixed (byte* option = "ENABLE_FTS5"u8) return ((delegate* unmanaged<byte*, int>)used)(option) == 1;
        }
        return System.Version.TryParse(text, out var found) && found > Bundled && HasFts5() ? library : 0;
    }

    public static string Version => Marshal.PtrToStringUTF8((nint)sqlite3_libversion())!;

    public static int BindText(nint statement, int index, byte* text, int bytes) => sqlite3_bind_text(statement, index, text, bytes, Transient);

    public static int BindBlob(nint statement, int index, byte* blob, int bytes) => sqlite3_bind_blob(statement, index, blob, bytes, Transient);

    [LibraryImport(Library)] private static partial byte* sqlite3_libversion();

    [LibraryImport(Library, EntryPoint = "sqlite3_open_v2", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string file, out nint connection, int flags, nint vfs);

    [LibraryImport(Library, EntryPoint = "sqlite3_close_v2")] public static partial int Close(nint connection);
    [LibraryImport(Library, EntryPoint = "sqlite3_errmsg")] public static partial byte* ErrorMessage(nint connection);
    [LibraryImport(Library, EntryPoint = "sqlite3_extended_errcode")] public static partial int ExtendedError(nint connection);
    [LibraryImport(Library, EntryPoint = "sqlite3_busy_timeout")] public static partial int BusyTimeout(nint connection, int milliseconds);
    [LibraryImport(Library, EntryPoint = "sqlite3_interrupt")] public static partial void InterruptAll(nint connection);
    [LibraryImport(Library, EntryPoint = "sqlite3_get_autocommit")] public static partial int GetAutocommit(nint connection);

    [LibraryImport(Library, EntryPoint = "sqlite3_changes"), SuppressGCTransition] public static partial int Changes(nint connection);

    [LibraryImport(Library, EntryPoint = "sqlite3_wal_checkpoint_v2")]
    public static partial int Checkpoint(nint connection, nint database, int mode, out int logFrames, out int checkpointed);

    [LibraryImport(Library)] private static partial nint sqlite3_wal_hook(nint connection, delegate* unmanaged[Cdecl]<int*, nint, byte*, int, int> hook, int* context);

    /// <summary>After every commit, <paramref name="frames"/> holds how many pages the write-ahead log has.</summary>
    public static void CountFrames(nint connection, int* frames) => _ = sqlite3_wal_hook(connection, &OnCommit, frames);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int OnCommit(int* context, nint connection, byte* database, int frames)
    {
        *context = frames;
        return Ok;
    }

    [LibraryImport(Library, EntryPoint = "sqlite3_prepare_v3")]
    public static partial int Prepare(nint connection, byte* sql, int bytes, uint flags, out nint statement, out byte* tail);

    [LibraryImport(Library, EntryPoint = "sqlite3_step")] public static partial int Step(nint statement);
    [LibraryImport(Library, EntryPoint = "sqlite3_reset")] public static partial int Reset(nint statement);
    [LibraryImport(Library, EntryPoint = "sqlite3_finalize")] public static partial int Finalize(nint statement);
    [LibraryImport(Library, EntryPoint = "sqlite3_bind_int64"), SuppressGCTransition] public static partial int BindInteger(nint statement, int index, long value);
    [LibraryImport(Library, EntryPoint = "sqlite3_bind_null"), SuppressGCTransition] public static partial int BindNull(nint statement, int index);
    [LibraryImport(Library)] private static partial int sqlite3_bind_text(nint statement, int index, byte* text, int bytes, nint destructor);
    [LibraryImport(Library)] private static partial int sqlite3_bind_blob(nint statement, int index, byte* blob, int bytes, nint destructor);
    [LibraryImport(Library, EntryPoint = "sqlite3_column_type"), SuppressGCTransition] public static partial int ColumnType(nint statement, int index);
    [LibraryImport(Library, EntryPoint = "sqlite3_column_int64"), SuppressGCTransition] public static partial long ColumnInteger(nint statement, int index);
    [LibraryImport(Library, EntryPoint = "sqlite3_column_blob"), SuppressGCTransition] public static partial byte* ColumnBlob(nint statement, int index);
    [LibraryImport(Library, EntryPoint = "sqlite3_column_bytes"), SuppressGCTransition] public static partial int ColumnBytes(nint statement, int index);

    // SQL functions of Cairn's own.

    const int Utf8Deterministic = 1 | 0x800;

    [LibraryImport(Library)]
    private static partial int sqlite3_create_function_v2(nint connection, byte* name, int arguments, int flags, nint context, delegate* unmanaged[Cdecl]<nint, int, nint*, void> function, nint step, nint final, nint destroy);

    public static int CreateFunction(nint connection, byte* name, int arguments, delegate* unmanaged[Cdecl]<nint, int, nint*, void> function) =>
        sqlite3_create_function_v2(connection, name, arguments, Utf8Deterministic, 0, function, 0, 0, 0);

    public static ReadOnlySpan<byte> ValueBytes(nint value)
    {
        var start = sqlite3_value_text(value);
        return new(start, start is null ? 0 : sqlite3_value_bytes(value));
    }

    public static void ResultError(nint context, ReadOnlySpan<byte> message)
    {
        fixed (byte* start = message) sqlite3_result_error(context, start, message.Length);
    }

    [LibraryImport(Library)] private static partial byte* sqlite3_value_text(nint value);
    [LibraryImport(Library), SuppressGCTransition] private static partial int sqlite3_value_bytes(nint value);
    [LibraryImport(Library)] private static partial void sqlite3_result_error(nint context, byte* message, int bytes);
    [LibraryImport(Library, EntryPoint = "sqlite3_value_type"), SuppressGCTransition] public static partial int ValueType(nint value);
    [LibraryImport(Library, EntryPoint = "sqlite3_value_int64"), SuppressGCTransition] public static partial long ValueInteger(nint value);
    [LibraryImport(Library, EntryPoint = "sqlite3_value_double"), SuppressGCTransition] public static partial double ValueReal(nint value);
    [LibraryImport(Library, EntryPoint = "sqlite3_result_int64"), SuppressGCTransition] public static partial void ResultInteger(nint context, long value);
    [LibraryImport(Library, EntryPoint = "sqlite3_column_double"), SuppressGCTransition] public static partial double ColumnReal(nint statement, int index);
    [LibraryImport(Library, EntryPoint = "sqlite3_column_count"), SuppressGCTransition] public static partial int ColumnCount(nint statement);
}
