namespace MLNetExtensions.Tensors;

/// <summary>The logarithm of the Gamma function and its derivative, for positive arguments.</summary>
internal static class GammaFunction
{
    // From here on the series below are exact to the last digits.
    private const double Large = 12;

    /// <summary>ln Γ(x).</summary>
    internal static double Log(double x)
    {
        var shift = 0.0;
        for (; x < Large; x++)
        {
            shift += Math.Log(x);
        }
        var y = 1 / (x * x);
        var series = (1.0 / 12 + y * (-1.0 / 360 + y * (1.0 / 1260 + y * (-1.0 / 1680 + y * (1.0 / 1188 + y * (-691.0 / 360360 + y / 156)))))) / x;
        return (x - 0.5) * Math.Log(x) - x + 0.5 * Math.Log(2 * Math.PI) + series - shift;
    }

    /// <summary>ψ(x) = d ln Γ(x) / dx.</summary>
    internal static double Digamma(double x)
    {
        var shift = 0.0;
        for (; x < Large; x++)
        {
            shift += 1 / x;
        }
        var y = 1 / (x * x);
        var series = y * (1.0 / 12 + y * (-1.0 / 120 + y * (1.0 / 252 + y * (-1.0 / 240 + y * (1.0 / 132 + y * (-691.0 / 32760 + y / 12))))));
        return Math.Log(x) - 0.5 / x - series - shift;
    }
}
