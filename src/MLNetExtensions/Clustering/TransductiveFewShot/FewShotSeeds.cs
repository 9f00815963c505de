namespace MLNetExtensions;

/// <summary>Prototypes to start from.</summary>
/// <param name="Prototypes">
/// For each problem its classes times the dimension, in the transformed space; a class whose values are NaN has none. Empty: a problem without any.
/// </param>
/// <remarks>They take precedence over the means of labelled rows.</remarks>
internal sealed record FewShotSeeds(double[][] Prototypes)
{
    /// <summary>The same prototypes for every problem.</summary>
    internal static FewShotSeeds Same(ReadOnlySpan<float> prototypes, int problems)
    {
        var values = new double[prototypes.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = prototypes[i];
        }
        var all = new double[problems][];
        Array.Fill(all, values);
        return new(all);
    }
}
