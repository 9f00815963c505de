using Microsoft.ML.OnnxRuntime;

namespace OnnxDeployment;

/// <summary>A forecast, [steps, channels], and its bounds.</summary>
internal sealed record Forecast(float[] Values, float[] Lower, float[] Upper);

/// <summary>Forecasts a series whose rows come one by one.</summary>
internal sealed class LiveForecaster : IDisposable
{
    private static readonly string[] s_outputs = ["Forecast", "Lower", "Upper"];

    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();
    private readonly LiveWindow _window;
    private readonly string _input;

    public LiveForecaster(string path)
    {
        _session = Sessions.Open(path);
        // [rows, window, channels].
        var (name, input) = _session.InputMetadata.Single();
        _input = name;
        (WindowSize, Channels, Horizon) = (input.Dimensions[1], input.Dimensions[2], _session.OutputMetadata[s_outputs[0]].Dimensions[1]);
        _window = new(WindowSize, Channels);
    }

    public int WindowSize { get; }

    public int Channels { get; }

    public int Horizon { get; }

    public void Add(float[] reading) => _window.Add(reading);

    /// <summary>Forecasts the rows after the last one; null as long as there are too few.</summary>
    public Forecast? Forecast()
    {
        if (!_window.IsFull)
        {
            return null;
        }
        using var rows = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _window.Rows, [1, WindowSize, Channels]);
        using var results = _session.Run(_options, new Dictionary<string, OrtValue> { [_input] = rows }, s_outputs);
        return new(Values(0), Values(1), Values(2));

        float[] Values(int output) => results[output].GetTensorDataAsSpan<float>().ToArray();
    }

    public void Dispose()
    {
        _options.Dispose();
        _session.Dispose();
    }
}
