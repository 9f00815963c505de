namespace MLNetExtensions.Tensors;

/// <summary>
/// The prior of one latent function as a linear system driven by white noise: the state is the function with its derivatives, and its transition over a step is
/// exact. With it the posterior costs as much as there are points.
/// </summary>
internal abstract class MaternKernel
{
    /// <summary>Beyond this many times the inverse rate nothing of the state is left, and its powers would overflow.</summary>
    private const double Forgotten = 700;

    private protected MaternKernel(double lengthScale, double variance, double order)
    {
        Variance = variance;
        Rate = Math.Sqrt(2 * order) / lengthScale;
    }

    /// <summary>The size d of the state.</summary>
    internal abstract int States { get; }

    /// <summary>The variance of the function.</summary>
    internal double Variance { get; }

    /// <summary>λ = sqrt(2ν) / l.</summary>
    internal double Rate { get; }

    internal static MaternKernel Create(MaternSmoothness smoothness, double lengthScale, double variance) => smoothness switch
    {
        MaternSmoothness.Matern12 => new Matern12Kernel(lengthScale, variance),
        MaternSmoothness.Matern32 => new Matern32Kernel(lengthScale, variance),
        MaternSmoothness.Matern52 => new Matern52Kernel(lengthScale, variance),
        _ => throw new ArgumentOutOfRangeException(nameof(smoothness)),
    };

    /// <summary>The covariance of two values of the function at the distance <paramref name="distance"/>.</summary>
    internal abstract double Covariance(double distance);

    /// <summary>Writes the stationary covariance P∞ [d, d].</summary>
    internal abstract void Stationary(Span<double> covariance);

    /// <summary>
    /// The transition as polynomials [d, d, d] of x = λh, times e^(-x): the coefficient of x^p in row p, those of the entries [d, d] in its columns.
    /// </summary>
    internal abstract double[] TransitionPolynomials();

    /// <summary>Writes the transition A and the noise Q, each [d, d], of a step forward.</summary>
    internal void Step(double distance, Span<double> transition, Span<double> noise)
    {
        if (distance == 0)
        {
            noise[..(States * States)].Clear();
            transition[..(States * States)].Clear();
            for (var i = 0; i < States; i++)
            {
                transition[i * (States + 1)] = 1;
            }
        }
        else if (Rate * distance > Forgotten)
        {
            transition[..(States * States)].Clear();
            Stationary(noise);
        }
        else
        {
            StepWithin(distance, transition, noise);
        }
    }

    /// <summary>The same of a step back in time: every derivative of odd order changes its sign.</summary>
    internal void StepBack(double distance, Span<double> transition, Span<double> noise)
    {
        Step(distance, transition, noise);
        for (var i = 0; i < States; i++)
        {
            for (var j = (i + 1) % 2; j < States; j += 2)
            {
                transition[i * States + j] = -transition[i * States + j];
                noise[i * States + j] = -noise[i * States + j];
            }
        }
    }

    private protected abstract void StepWithin(double distance, Span<double> transition, Span<double> noise);

    /// <summary>
    /// Γ(n + 1, z) from below over n!, the part of a Gamma distribution below z. The closed form cancels for small z, the series has positive terms only.
    /// </summary>
    private protected static double LowerGamma(int n, double z)
    {
        double term = 1, sum = 1;
        if (z < n + 1)
        {
            var factor = Math.Exp(-z);
            for (var i = 1; i <= n + 1; i++)
            {
                factor *= z / i;
            }
            for (var j = 1; j < 60 && term > 1e-18 * sum; j++)
            {
                term *= z / (n + 1 + j);
                sum += term;
            }
            return factor * sum;
        }
        for (var i = 1; i <= n; i++)
        {
            term *= z / i;
            sum += term;
        }
        return 1 - Math.Exp(-z) * sum;
    }
}

/// <summary>ν = 1/2: k(h) = s² e^(-h/l).</summary>
internal sealed class Matern12Kernel(double lengthScale, double variance) : MaternKernel(lengthScale, variance, 0.5)
{
    internal override int States => 1;

    internal override double Covariance(double distance) => Variance * Math.Exp(-Rate * distance);

    internal override double[] TransitionPolynomials() => [1];

    internal override void Stationary(Span<double> covariance) => covariance[0] = Variance;

    private protected override void StepWithin(double distance, Span<double> transition, Span<double> noise)
    {
        var x = Rate * distance;
        transition[0] = Math.Exp(-x);
        noise[0] = Variance * LowerGamma(0, 2 * x);
    }
}

/// <summary>ν = 3/2: k(h) = s² (1 + λh) e^(-λh).</summary>
internal sealed class Matern32Kernel(double lengthScale, double variance) : MaternKernel(lengthScale, variance, 1.5)
{
    internal override int States => 2;

    internal override double Covariance(double distance) => Variance * (1 + Rate * distance) * Math.Exp(-Rate * distance);

    internal override double[] TransitionPolynomials() =>
    [
        1, 0, 0, 1,
        1, 1 / Rate, -Rate, -1,
    ];

    internal override void Stationary(Span<double> covariance)
    {
        covariance[0] = Variance;
        covariance[1] = covariance[2] = 0;
        covariance[3] = Rate * Rate * Variance;
    }

    private protected override void StepWithin(double distance, Span<double> transition, Span<double> noise)
    {
        double x = Rate * distance, z = 2 * x, e = Math.Exp(-x), square = e * e;
        transition[0] = e * (1 + x);
        transition[1] = e * distance;
        transition[2] = -e * Rate * x;
        transition[3] = e * (1 - x);
        noise[0] = Variance * LowerGamma(2, z);
        noise[1] = noise[2] = 2 * Variance * Rate * x * x * square;
        // 1 - e^(-z) (1 - z + z²/2), whose first two terms cancel for small z.
        noise[3] = Variance * Rate * Rate * (LowerGamma(0, z) + square * z * (1 - z / 2));
    }
}

/// <summary>ν = 5/2: k(h) = s² (1 + λh + λ²h²/3) e^(-λh).</summary>
internal sealed class Matern52Kernel(double lengthScale, double variance) : MaternKernel(lengthScale, variance, 2.5)
{
    internal override int States => 3;

    internal override double Covariance(double distance)
    {
        var x = Rate * distance;
        return Variance * (1 + x + x * x / 3) * Math.Exp(-x);
    }

    internal override double[] TransitionPolynomials() =>
    [
        1, 0, 0, 0, 1, 0, 0, 0, 1,
        1, 1 / Rate, 0, 0, 1, 1 / Rate, -Rate * Rate, -3 * Rate, -2,
        0.5, 1 / Rate, 1 / (2 * Rate * Rate), -Rate / 2, -1, -1 / (2 * Rate), Rate * Rate / 2, Rate, 0.5,
    ];

    internal override void Stationary(Span<double> covariance)
    {
        var square = Rate * Rate;
        covariance[..9].Clear();
        covariance[0] = Variance;
        covariance[2] = covariance[6] = -square * Variance / 3;
        covariance[4] = square * Variance / 3;
        covariance[8] = square * square * Variance;
    }

    private protected override void StepWithin(double distance, Span<double> transition, Span<double> noise)
    {
        double x = Rate * distance, e = Math.Exp(-x), rate = Rate, square = rate * rate;
        // e^(-x) (I + N h + N² h²/2), where N = F + λI is nilpotent.
        transition[0] = e * (1 + x + x * x / 2);
        transition[1] = e * distance * (1 + x);
        transition[2] = e * distance * distance / 2;
        transition[3] = -e * rate * x * x / 2;
        transition[4] = e * (1 + x - x * x);
        transition[5] = e * distance * (1 - x / 2);
        transition[6] = e * square * x * (x / 2 - 1);
        transition[7] = e * rate * x * (x - 3);
        transition[8] = e * (1 - 2 * x + x * x / 2);

        // Q = q ∫ e^(-2λs) c(s) c(s)' ds with q = 16/3 s² λ^5 and the last column of the transition c = (s²/2, s - λs²/2, 1 - 2λs + λ²s²/2):
        // moments M_n = λ^(n+1) ∫ s^n e^(-2λs) ds.
        Span<double> moments = stackalloc double[5];
        double scale = 0.5, z = 2 * x;
        for (var n = 0; n < 5; n++)
        {
            moments[n] = scale * LowerGamma(n, z);
            scale *= (n + 1) / 2.0;
        }
        var (m0, m1, m2, m3, m4) = (moments[0], moments[1], moments[2], moments[3], moments[4]);
        var q = 16.0 / 3 * Variance;
        noise[0] = q * m4 / 4;
        noise[1] = noise[3] = q * rate * (m3 / 2 - m4 / 4);
        noise[2] = noise[6] = q * square * (m2 / 2 - m3 + m4 / 4);
        noise[4] = q * square * (m2 - m3 + m4 / 4);
        noise[5] = noise[7] = q * rate * square * (m1 - 2.5 * m2 + 1.5 * m3 - m4 / 4);
        noise[8] = q * square * square * (m0 - 4 * m1 + 5 * m2 - 2 * m3 + m4 / 4);
    }
}
