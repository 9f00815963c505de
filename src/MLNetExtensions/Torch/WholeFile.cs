namespace MLNetExtensions.Torch;

/// <summary>Files that are there whole, or as they were.</summary>
internal static class WholeFile
{
    private const string PartSuffix = ".part";

    // How .NET calls the length of a file when it may not grow any further.
    private const string LengthName = "value";

    /// <summary>Writes a file beside and renames it. If that fails, an old file stays as it was and nothing is left beside it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="part">The file beside; null = of a name that follows from that of the file.</param>
    /// <exception cref="IOException">The disk is full, or the file cannot be there.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    internal static void Write(string path, Action<Stream> write, string? part = null)
    {
        part ??= path + PartSuffix;
        try
        {
            using (var file = File.Create(part))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }
            File.Move(part, path, overwrite: true);
        }
        catch (ArgumentOutOfRangeException e) when (e.ParamName == LengthName)
        {
            Remove(part);
            throw new IOException($"'{path}' cannot be written: a file may not become so large here.", e);
        }
        catch
        {
            Remove(part);
            throw;
        }
    }

    // What went wrong before is what counts.
    private static void Remove(string part)
    {
        try
        {
            File.Delete(part);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
