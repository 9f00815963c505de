using System.Text.Json;
using Microsoft.ML.OnnxRuntime;

namespace OnnxDeployment;

/// <summary>Tells states apart by spectra.</summary>
internal sealed class StateClassifier : IDisposable
{
    private const string Label = "PredictedLabel";

    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();

    public StateClassifier(string path)
    {
        _session = Sessions.Open(path);
        // The file describes its columns: the names of the classes are the values of the label's keys.
        using var columns = JsonDocument.Parse(_session.ModelMetadata.CustomMetadataMap["mlnetextensions.columns"]);
        var label = columns.RootElement.EnumerateArray().Single(column => column.GetProperty("Name").GetString() == Label);
        Names = [.. label.GetProperty("KeyValues").GetProperty("Values").EnumerateArray().Select(name => name.GetString()!)];
    }

    public IReadOnlyList<string> Names { get; }

    /// <summary>The state of each spectrum; null where it is unlike all.</summary>
    public IReadOnlyList<string?> Classify(float[][] spectra)
    {
        var input = _session.InputMetadata.Single().Key;
        using var rows = OrtValue.CreateTensorValueFromMemory<float>([.. spectra.SelectMany(row => row)], [spectra.Length, spectra[0].Length]);
        using var results = _session.Run(_options, new Dictionary<string, OrtValue> { [input] = rows }, [Label]);
        // Keys count from 1; 0 is none.
        return [.. results[0].GetTensorDataAsSpan<uint>().ToArray().Select(key => key == 0 ? null : Names[(int)key - 1])];
    }

    public void Dispose()
    {
        _options.Dispose();
        _session.Dispose();
    }
}
