namespace WebApi.Models;

/// <summary>Files that are never seen half written.</summary>
internal static class SafeFile
{
    /// <summary>Writes a file beside the one of the name, and renames it: if writing fails, the old file stays whole.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        var part = NameBeside(path);
        try
        {
            using (var file = new FileStream(part, FileMode.CreateNew, FileAccess.ReadWrite))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }
            File.Move(part, path, overwrite: true);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }

    /// <summary>A name in the same folder that nobody else uses.</summary>
    public static string NameBeside(string path) => $"{path}.{Guid.NewGuid():N}.part";
}
