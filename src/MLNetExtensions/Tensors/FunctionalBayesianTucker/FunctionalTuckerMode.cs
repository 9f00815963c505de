namespace MLNetExtensions.Tensors;

/// <summary>
/// The posterior of the functions of one mode, at any coordinate: for every training coordinate the state given it and all before it, and what all after it
/// say about the state just before the next.
/// </summary>
internal sealed class FunctionalTuckerMode(MaternKernel kernel, int rank)
{
    internal const double SmallestPart = 1e-15;

    /// <summary>The numbers of scratch that a query needs.</summary>
    internal int ScratchSize => 4 * Size * Size + 3 * Size + 2 * kernel.States * kernel.States;

    internal int Rank => rank;

    internal MaternKernel Kernel => kernel;

    /// <summary>D: the values of all functions, then their derivatives.</summary>
    internal int Size => kernel.States * rank;

    /// <summary>The distinct training coordinates, ascending: M.</summary>
    internal required double[] Points { get; init; }

    /// <summary>The merged message of the rows at each coordinate [M, R + R(R+1)/2]: η, then Λ packed.</summary>
    internal required double[] Messages { get; init; }

    /// <summary>[M, D].</summary>
    internal required double[] FilteredMean { get; init; }

    /// <summary>[M, D(D+1)/2], packed.</summary>
    internal required double[] FilteredCovariance { get; init; }

    /// <summary>[M, D]: r of the predicted state at each coordinate.</summary>
    internal required double[] LaterMean { get; init; }

    /// <summary>[M, D(D+1)/2], packed: N of the predicted state at each coordinate.</summary>
    internal required double[] LaterPrecision { get; init; }

    /// <summary>[D]: the state at the first coordinate, given all rows.</summary>
    internal required double[] StartMean { get; init; }

    /// <summary>[D(D+1)/2], packed.</summary>
    internal required double[] StartCovariance { get; init; }

    /// <summary>Computes the state at a coordinate. Coordinates that are no finite numbers give NaN.</summary>
    /// <param name="point">The coordinate.</param>
    /// <param name="mean">Receives the mean [D].</param>
    /// <param name="covariance">Receives the covariance [D, D].</param>
    /// <param name="scratch">At least <see cref="ScratchSize"/> numbers.</param>
    internal void State(double point, Span<double> mean, Span<double> covariance, Span<double> scratch)
    {
        int size = Size, states = kernel.States, packed = SmallMatrix.Packed(size);
        mean = mean[..size];
        covariance = covariance[..(size * size)];
        if (!double.IsFinite(point))
        {
            mean.Fill(double.NaN);
            covariance.Fill(double.NaN);
            return;
        }
        var transition = Take(ref scratch, states * states);
        var noise = Take(ref scratch, states * states);
        var vector = Take(ref scratch, size);
        var later = Take(ref scratch, size);
        var matrix = Take(ref scratch, size * size);
        var place = Array.BinarySearch(Points, point);
        var before = place >= 0 ? place : ~place - 1;
        if (before < 0)
        {
            StartMean.CopyTo(mean);
            SmallMatrix.Unpack(StartCovariance, covariance, size);
            kernel.StepBack(Points[0] - point, transition, noise);
            StateSteps.Propagate(transition, mean, vector, states, rank, isTransposed: false);
            StateSteps.PropagateCovariance(transition, noise, covariance, matrix, states, rank);
            return;
        }
        FilteredMean.AsSpan(before * size, size).CopyTo(mean);
        SmallMatrix.Unpack(FilteredCovariance.AsSpan(before * packed, packed), covariance, size);
        if (point > Points[before])
        {
            kernel.Step(point - Points[before], transition, noise);
            StateSteps.Propagate(transition, mean, vector, states, rank, isTransposed: false);
            StateSteps.PropagateCovariance(transition, noise, covariance, matrix, states, rank);
        }
        var next = before + 1;
        if (next == Points.Length)
        {
            return;
        }
        var precision = Take(ref scratch, size * size);
        var product = Take(ref scratch, size * size);
        LaterMean.AsSpan(next * size, size).CopyTo(later);
        SmallMatrix.Unpack(LaterPrecision.AsSpan(next * packed, packed), precision, size);
        kernel.Step(Points[next] - point, transition, noise);
        StateSteps.Propagate(transition, later, vector, states, rank, isTransposed: true);
        StateSteps.PullBackPrecision(transition, precision, matrix, states, rank);
        for (var i = 0; i < size; i++)
        {
            vector[i] = SmallMatrix.Dot(covariance.Slice(i * size, size), later);
        }
        SmallMatrix.AddScaled(mean, 1, vector);
        SmallMatrix.Multiply(covariance, precision, product, size, size, size);
        SmallMatrix.MultiplyTransposed(product, covariance, matrix, size, size, size);
        for (var i = 0; i < size; i++)
        {
            for (var j = i; j < size; j++)
            {
                covariance[i * size + j] = covariance[j * size + i] = covariance[i * size + j] - 0.5 * (matrix[i * size + j] + matrix[j * size + i]);
            }
        }
    }

    /// <summary>The functions at a coordinate: their means [R] and covariance [R, R], of which no variance is below what double precision can tell from 0.</summary>
    internal void Values(double point, Span<double> mean, Span<double> covariance, Span<double> scratch)
    {
        var size = Size;
        var state = Take(ref scratch, size);
        var full = Take(ref scratch, size * size);
        State(point, state, full, scratch);
        state[..rank].CopyTo(mean);
        for (var i = 0; i < rank; i++)
        {
            full.Slice(i * size, rank).CopyTo(covariance.Slice(i * rank));
            // Differences of nearly equal matrices can end below 0 where a function is known to all digits.
            ref var variance = ref covariance[i * (rank + 1)];
            variance = variance < SmallestPart * kernel.Variance ? SmallestPart * kernel.Variance : variance;
        }
    }

    private static Span<double> Take(ref Span<double> scratch, int count)
    {
        var taken = scratch[..count];
        scratch = scratch[count..];
        return taken;
    }
}
