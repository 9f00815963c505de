using System.IO.Compression;
using System.Text.Json;

namespace WebApi.Models;

/// <summary>The readings beside a forecaster, kept in one file with it, so that both are always of the same moment: a model file is a zip, and they are an entry of their own in it.</summary>
/// <param name="Version">The version of the model.</param>
/// <param name="Row">The number of the last reading.</param>
/// <param name="Rows">The last readings, oldest first.</param>
internal sealed record ForecastState(string? Version, long Row, float[][] Rows)
{
    private const string EntryName = "WebApi/state.json";

    /// <summary>The readings in a model file. Null: there are none.</summary>
    public static ForecastState? Read(string path)
    {
        using var zip = ZipFile.OpenRead(path);
        if (zip.GetEntry(EntryName) is not { } entry)
        {
            return null;
        }
        using var content = entry.Open();
        return JsonSerializer.Deserialize<ForecastState>(content);
    }

    /// <summary>Writes a model with the readings.</summary>
    /// <param name="path">The model file.</param>
    /// <param name="model">The model, as ML.NET writes it.</param>
    public void Write(string path, byte[] model) => SafeFile.Write(path, file =>
    {
        file.Write(model);
        file.Position = 0;
        using var zip = new ZipArchive(file, ZipArchiveMode.Update, leaveOpen: true);
        zip.GetEntry(EntryName)?.Delete();
        using var content = zip.CreateEntry(EntryName).Open();
        JsonSerializer.Serialize(content, this);
    });
}
