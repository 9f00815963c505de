using Microsoft.ML.Data;

namespace OwnModule;

/// <summary>A point in the plane, and the arm of the spiral that it lies on.</summary>
public sealed class SpiralPoint
{
    [VectorType(2)]
    public float[] Features { get; set; } = [];

    public string Arm { get; set; } = "";

    /// <summary>Points on three arms that wind around each other, with noise.</summary>
    public static IEnumerable<SpiralPoint> Generate(int count, int seed)
    {
        string[] arms = ["red", "green", "blue"];
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            var arm = i % arms.Length;
            var radius = 0.1 + 0.9 * random.NextDouble();
            var angle = 2 * Math.PI * arm / arms.Length + 5 * radius + 0.6 * (random.NextDouble() + random.NextDouble() - 1);
            yield return new() { Features = [(float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle))], Arm = arms[arm] };
        }
    }
}

/// <summary>What the model says of a point.</summary>
public sealed class SpiralPrediction
{
    public string PredictedArm { get; set; } = "";

    public float[] Score { get; set; } = [];
}

/// <summary>What the TorchScript file says of a point.</summary>
public sealed class Polar
{
    public float Radius { get; set; }

    public float Angle { get; set; }
}
