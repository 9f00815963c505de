using MLNetExtensions.Onnx;

namespace MLNetExtensions.Tensors;

/// <summary>
/// The graph of a functional Bayesian Tucker model in double precision: the state of the functions at a coordinate comes from tables of what is known before it and after it, see
/// <see cref="FunctionalTuckerMode.State"/>.
/// </summary>
internal static class FunctionalTuckerOnnx
{
    /// <summary>Writes the mean of f and its variance without noise, of standardised labels.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="posterior">The model.</param>
    /// <param name="coordinates">Scaled, Double [rows, K], finite.</param>
    /// <returns>[rows, 1] each.</returns>
    internal static (string Mean, string Variance) Write(OnnxGraph graph, FunctionalTuckerPosterior posterior, string coordinates)
    {
        (string Mean, string Covariance)[] values = [.. posterior.Modes.Select((mode, k) => WriteMode(graph, mode, graph.Slice(coordinates, 1, k, k + 1)))];
        var (mean, variance) = posterior.Shape.Form == TuckerForm.Cp ? WriteProducts(graph, values) : WriteCore(graph, posterior, values);
        return (mean, graph.Node("Max", [variance, graph.Scalar(FunctionalTuckerPosterior.SmallestVariance)]));
    }

    /// <summary>The functions of a mode: their means [rows, 1, R] and covariance [rows, R, R].</summary>
    private static (string Mean, string Covariance) WriteMode(OnnxGraph graph, FunctionalTuckerMode mode, string t)
    {
        var (rank, states, points, size) = (mode.Rank, mode.Kernel.States, mode.Points, mode.Size);
        var count = points.Length;
        // 0 before the first coordinate, else one more than the number of the last that is not after it.
        var knots = graph.Constant(points, 1, count);
        var place = graph.Reshape(graph.ReduceSum(graph.Cast(graph.Node("GreaterOrEqual", [t, knots]), OnnxType.Int64), 1), -1);
        string Table(double[] values, params long[] dimensions) => graph.Gather(graph.Constant(values, [count + 1, .. dimensions]), place, 0);

        // The distances to the neighbours: none to one that is not there.
        var before = graph.Node("Abs", [graph.Subtract(t, Table([points[0], .. points], 1))]);
        var after = graph.Multiply(graph.Subtract(Table([.. points, 0], 1), t), Table([0, .. Enumerable.Repeat(1.0, count - 1), 0], 1));
        var (mean, covariance, later, precision) = Tables(mode);
        var rate = graph.Scalar(mode.Kernel.Rate);
        var (x, y) = (graph.Multiply(before, rate), graph.Multiply(after, rate));
        // From here on the rows are the last axis and sums go over the first: products of small matrices, one for each row, cost the runtime many times more.
        string Columns(double[] values, params long[] dimensions) => graph.Reshape(graph.Transpose(Table(values, values.Length / (count + 1)), 1, 0), [.. dimensions, -1]);
        string Sum(string a, string b) => graph.Squeeze(graph.ReduceSum(graph.Multiply(a, b), 0), 0);
        var forward = Transition(graph, mode.Kernel, x);
        var top = graph.Slice(forward, 1, 0, 1);

        // Row 0 of the predicted covariance, block by block: [states, R * R, rows].
        var products = graph.Reshape(graph.Multiply(graph.Unsqueeze(top, 1), graph.Unsqueeze(forward, 0)), states * states, states, 1, -1);
        var blocks = Sum(products, Columns(covariance, states * states, 1, rank * rank));
        var identity = new double[rank * rank];
        for (var r = 0; r < rank; r++)
        {
            identity[r * (rank + 1)] = 1;
        }
        blocks = graph.Add(blocks, graph.Multiply(graph.Unsqueeze(graph.Transpose(Noise(graph, mode.Kernel, x), 1, 0), 1), graph.Constant(identity, 1, rank * rank, 1)));

        // The covariance of the state just before the next coordinate with the values: [states * R, R, rows].
        var ahead = graph.Reshape(Sum(graph.Unsqueeze(Transition(graph, mode.Kernel, y), 2), graph.Unsqueeze(blocks, 1)), size, rank, -1);
        var means = graph.Add(Sum(top, Columns(mean, states, rank)), Sum(ahead, Columns(later, size, 1)));
        var weighted = Sum(graph.Unsqueeze(ahead, 1), Columns(precision, size, size, 1));
        var known = Sum(graph.Unsqueeze(weighted, 2), graph.Unsqueeze(ahead, 1));
        var own = graph.Reshape(graph.Slice(blocks, 0, 0, 1), rank, rank, -1);
        // No variance is below what double precision can tell from 0.
        var floor = new double[rank * rank];
        Array.Fill(floor, double.NegativeInfinity);
        for (var r = 0; r < rank; r++)
        {
            floor[r * (rank + 1)] = FunctionalTuckerMode.SmallestPart * mode.Kernel.Variance;
        }
        return (graph.Unsqueeze(graph.Transpose(means, 1, 0), 1), graph.Node("Max", [graph.Transpose(graph.Subtract(own, known), 2, 0, 1), graph.Constant(floor, 1, rank, rank)]));
    }

    /// <summary>
    /// What is known of the state at the coordinate before, and of the state at the one after from there on: means [M + 1, d, R], covariances [M + 1, d, d, R, R], the second state first, and the last two [M + 1, D] and [M + 1, D, D].
    /// </summary>
    private static (double[] Mean, double[] Covariance, double[] Later, double[] Precision) Tables(FunctionalTuckerMode mode)
    {
        var (rank, states, size, count) = (mode.Rank, mode.Kernel.States, mode.Size, mode.Points.Length);
        var packed = SmallMatrix.Packed(size);
        double[] mean = new double[(count + 1) * size], covariance = new double[(count + 1) * size * size], later = new double[mean.Length], precision = new double[covariance.Length], full = new double[size * size];
        for (var i = 0; i <= count; i++)
        {
            // Back in time every derivative of odd order has the other sign.
            double Sign(int state) => i == 0 && state % 2 == 1 ? -1 : 1;
            var (source, spread) = i == 0 ? (mode.StartMean, mode.StartCovariance) : (mode.FilteredMean[((i - 1) * size)..(i * size)], mode.FilteredCovariance[((i - 1) * packed)..(i * packed)]);
            SmallMatrix.Unpack(spread, full, size);
            for (var row = 0; row < size; row++)
            {
                var (a, r) = (row / rank, row % rank);
                mean[i * size + row] = Sign(a) * source[row];
                for (var column = 0; column < size; column++)
                {
                    var (b, s) = (column / rank, column % rank);
                    covariance[((i * states + a) * states + b) * rank * rank + s * rank + r] = Sign(a) * Sign(b) * full[row * size + column];
                }
            }
            if (i > 0 && i < count)
            {
                mode.LaterMean.AsSpan(i * size, size).CopyTo(later.AsSpan(i * size));
                SmallMatrix.Unpack(mode.LaterPrecision.AsSpan(i * packed, packed), precision.AsSpan(i * size * size, size * size), size);
            }
        }
        return (mean, covariance, later, precision);
    }

    /// <summary>The transition, transposed, [d, d, rows], over x inverse rates [rows, 1]: e^(-x) times polynomials.</summary>
    private static string Transition(OnnxGraph graph, MaternKernel kernel, string x)
    {
        var states = kernel.States;
        var polynomials = kernel.TransitionPolynomials();
        var columns = new double[polynomials.Length];
        for (var i = 0; i < columns.Length; i++)
        {
            var (power, a, b) = (i / (states * states), i / states % states, i % states);
            columns[(b * states + a) * states + power] = polynomials[i];
        }
        var row = graph.Transpose(x, 1, 0);
        var powers = graph.Concat(0, [.. Powers(graph, row, states)]);
        var flat = graph.Multiply(graph.Node("Exp", [graph.Node("Neg", [row])]), graph.MatMul(graph.Constant(columns, states * states, states), powers));
        return graph.Reshape(flat, states, states, -1);
    }

    private static IEnumerable<string> Powers(OnnxGraph graph, string x, int count)
    {
        var power = graph.Add(graph.Subtract(x, x), graph.Scalar(1.0));
        for (var i = 0; i < count; i++)
        {
            yield return power;
            power = i == 0 ? x : graph.Multiply(power, x);
        }
    }

    /// <summary>The first row of the noise over x inverse rates, [rows, d].</summary>
    private static string Noise(OnnxGraph graph, MaternKernel kernel, string x)
    {
        var z = graph.Add(x, x);
        var (variance, rate) = (kernel.Variance, kernel.Rate);
        string Scaled(string value, double factor) => graph.Multiply(value, graph.Scalar(factor));
        switch (kernel.States)
        {
            case 1:
                return Scaled(LowerGamma(graph, 0, z), variance);
            case 2:
                var square = graph.Multiply(graph.Multiply(x, x), graph.Node("Exp", [graph.Node("Neg", [z])]));
                return graph.Concat(1, Scaled(LowerGamma(graph, 2, z), variance), Scaled(square, 2 * variance * rate));
            default:
                // Moments as in the kernel: n! / 2^(n + 1) of the lower Gamma functions.
                var (m2, m3, m4) = (Scaled(LowerGamma(graph, 2, z), 0.25), Scaled(LowerGamma(graph, 3, z), 0.375), Scaled(LowerGamma(graph, 4, z), 0.75));
                var q = 16.0 / 3 * variance;
                var quarter = Scaled(m4, 0.25);
                return graph.Concat(1,
                    Scaled(quarter, q),
                    Scaled(graph.Subtract(Scaled(m3, 0.5), quarter), q * rate),
                    Scaled(graph.Add(graph.Subtract(Scaled(m2, 0.5), m3), quarter), q * rate * rate));
        }
    }

    /// <summary>The part of a Gamma distribution below z: a series of positive terms for small z, where the closed form cancels.</summary>
    private static string LowerGamma(OnnxGraph graph, int n, string z)
    {
        var decay = graph.Node("Exp", [graph.Node("Neg", [z])]);
        if (n == 0)
        {
            // 1 - e^(-z).
            return graph.Multiply(graph.Node("Tanh", [graph.Multiply(z, graph.Scalar(0.5))]), graph.Add(decay, graph.Scalar(1.0)));
        }
        var border = n + 1.0;
        var factor = 1.0;
        for (var i = 1; i <= n + 1; i++)
        {
            factor /= i;
        }
        List<double> series = [];
        for (double term = factor, largest = factor; largest > 1e-18 * factor; term /= n + 1 + series.Count, largest *= border / (n + 1 + series.Count))
        {
            series.Add(term);
        }
        var small = graph.Node("Min", [z, graph.Scalar(border)]);
        // All powers up to one of two, by doubling: z, z²; z³, z⁴; … Far cheaper than the operator for powers.
        var powers = small;
        var (count, next) = (1, small);
        for (; count < series.Count; count *= 2)
        {
            powers = graph.Concat(1, powers, graph.Multiply(powers, next));
            next = graph.Multiply(next, next);
        }
        series.AddRange(new double[count - series.Count]);
        var rest = Enumerable.Repeat(small, n).Aggregate(graph.Multiply);
        var below = graph.Multiply(graph.Multiply(graph.Node("Exp", [graph.Node("Neg", [small])]), rest), graph.MatMul(powers, graph.Constant(series.ToArray(), count, 1)));
        var factorials = new double[n + 1];
        factorials[0] = 1;
        for (var i = 1; i <= n; i++)
        {
            factorials[i] = factorials[i - 1] / i;
        }
        var closed = graph.Subtract(graph.Scalar(1.0), graph.Multiply(decay, graph.MatMul(graph.Concat(1, [.. Powers(graph, z, n + 1)]), graph.Constant(factorials, n + 1, 1))));
        return graph.Where(graph.Node("Less", [z, graph.Scalar(border)]), below, closed);
    }

    /// <summary>CP, mode by mode as in scoring: every part is positive, so that nothing cancels.</summary>
    private static (string Mean, string Variance) WriteProducts(OnnxGraph graph, (string Mean, string Covariance)[] values)
    {
        var product = values.Select(mode => mode.Mean).Aggregate(graph.Multiply);
        string? covariance = null, means = null;
        foreach (var (mean, own) in values)
        {
            var square = Square(graph, mean);
            covariance = covariance is null ? own : graph.Add(graph.Multiply(covariance, graph.Add(own, square)), graph.Multiply(means!, own));
            means = means is null ? square : graph.Multiply(means, square);
        }
        return (graph.Squeeze(graph.ReduceSum(product, 2), 2), graph.Squeeze(graph.ReduceSum(covariance!, 1, 2), 2));
    }

    /// <summary>m m', [rows, R, R].</summary>
    private static string Square(OnnxGraph graph, string mean) => graph.Multiply(graph.Transpose(mean, 0, 2, 1), mean);

    /// <summary>Tucker, as in scoring: the covariance of the core against the second moments, and its mean against the covariance of one mode after the other.</summary>
    private static (string Mean, string Variance) WriteCore(OnnxGraph graph, FunctionalTuckerPosterior posterior, (string Mean, string Covariance)[] values)
    {
        var ranks = posterior.Shape.Ranks;
        var size = posterior.Core.Length;
        string[] seconds = [.. values.Select(mode => graph.Add(mode.Covariance, Square(graph, mode.Mean)))];

        // The covariance with the two numbers of each mode beside each other, contracted with the last mode first.
        var length = size * size / (ranks[^1] * ranks[^1]);
        var pairs = Pairs(posterior.CoreCovariance, ranks);
        var transposed = new double[pairs.Length];
        for (var i = 0; i < pairs.Length; i++)
        {
            transposed[i % (ranks[^1] * ranks[^1]) * length + i / (ranks[^1] * ranks[^1])] = pairs[i];
        }
        var current = graph.MatMul(graph.Reshape(seconds[^1], 0, ranks[^1] * ranks[^1]), graph.Constant(transposed, ranks[^1] * ranks[^1], length));
        for (var mode = ranks.Length - 2; mode >= 0; mode--)
        {
            var square = ranks[mode] * ranks[mode];
            length /= square;
            current = graph.Squeeze(graph.MatMul(graph.Reshape(current, 0, length, square), graph.Reshape(seconds[mode], 0, square, 1)), 2);
        }
        var variance = current;

        // G contracted with the means of the modes before: [1 or rows, length].
        var rest = graph.Constant(posterior.Core, 1, size);
        length = size;
        for (var mode = 0; mode < ranks.Length; mode++)
        {
            var weighted = rest;
            var stride = length;
            for (var other = mode; other < ranks.Length; other++)
            {
                stride /= ranks[other];
                var grid = graph.Reshape(weighted, 0, length / (stride * ranks[other]), ranks[other], stride);
                weighted = graph.Reshape(graph.MatMul(graph.Unsqueeze(other == mode ? values[other].Covariance : seconds[other], 1), grid), 0, length);
            }
            variance = graph.Add(variance, graph.ReduceSum(graph.Multiply(rest, weighted), 1));
            length /= ranks[mode];
            rest = graph.Squeeze(graph.MatMul(values[mode].Mean, graph.Reshape(rest, 0, ranks[mode], length)), 1);
        }
        return (rest, variance);
    }

    private static double[] Pairs(double[] covariance, int[] ranks)
    {
        var size = ranks.Aggregate(1, (product, rank) => product * rank);
        var result = new double[covariance.Length];
        var (left, right) = (new int[ranks.Length], new int[ranks.Length]);
        for (var row = 0; row < size; row++)
        {
            Split(row, left);
            for (var column = 0; column < size; column++)
            {
                Split(column, right);
                var place = 0;
                for (var mode = 0; mode < ranks.Length; mode++)
                {
                    place = (place * ranks[mode] + left[mode]) * ranks[mode] + right[mode];
                }
                result[place] = covariance[row * size + column];
            }
        }
        return result;

        void Split(int number, int[] parts)
        {
            for (var mode = ranks.Length - 1; mode >= 0; mode--)
            {
                parts[mode] = number % ranks[mode];
                number /= ranks[mode];
            }
        }
    }
}
