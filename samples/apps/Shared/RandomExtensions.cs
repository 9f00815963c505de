namespace Samples.Apps;

/// <summary>Random numbers of made data.</summary>
internal static class RandomExtensions
{
    /// <summary>A number of the standard normal distribution.</summary>
    public static double NextNormal(this Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
