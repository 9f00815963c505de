using Microsoft.ML.Data;

namespace OnnxDeployment;

/// <summary>A row of the readings, one for each hour.</summary>
internal sealed class Reading
{
    /// <summary>The load and the temperature.</summary>
    [VectorType(2)]
    public float[] Values { get; set; } = [];
}

/// <summary>A vibration and what the pump was like.</summary>
internal sealed class Vibration
{
    /// <summary>The strength of bands of frequencies.</summary>
    [VectorType(Pump.Bands)]
    public float[] Spectrum { get; set; } = [];

    /// <summary>The state.</summary>
    public string State { get; set; } = "";
}

/// <summary>The made pump.</summary>
internal static class Pump
{
    /// <summary>The number of bands in a spectrum.</summary>
    public const int Bands = 16;

    /// <summary>The number of last readings that the training does not see.</summary>
    public const int LiveRows = 96;

    private static readonly string[] s_states = ["sound", "worn bearing", "dry"];

    /// <summary>Hourly readings: a day and its half, and noise.</summary>
    public static Reading[] Readings(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(hour => new Reading
        {
            Values =
            [
                50 + 15 * MathF.Sin(MathF.Tau * hour / 24) + 5 * MathF.Sin(MathF.Tau * hour / 12) + random.NextSingle(),
                20 + 6 * MathF.Sin(MathF.Tau * (hour - 4) / 24) + 0.3f * random.NextSingle(),
            ],
        })];
    }

    /// <summary>Spectra, each with the peak of its state.</summary>
    public static Vibration[] States(int count)
    {
        var random = new Random(2);
        return [.. Enumerable.Range(0, count).Select(i => new Vibration
        {
            State = s_states[i % s_states.Length],
            Spectrum = [.. Enumerable.Range(0, Bands).Select(band => MathF.Exp(-MathF.Abs(band - 3 - 4 * (i % s_states.Length))) + 0.2f * random.NextSingle())],
        })];
    }
}
