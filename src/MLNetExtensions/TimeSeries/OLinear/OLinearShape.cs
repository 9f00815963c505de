namespace MLNetExtensions.TimeSeries;

/// <summary>The non-linearity of OLinear's encoder.</summary>
public enum OLinearActivation
{
    /// <summary>The Gaussian error linear unit, in its exact form.</summary>
    Gelu,

    /// <summary>The rectified linear unit.</summary>
    Relu,
}

/// <summary>How OLinear lets the channels inform each other.</summary>
public enum ChannelMixing
{
    /// <summary>A trained matrix of positive weights per layer.</summary>
    Learned,

    /// <summary>The row softmax of the correlation between the channels (OLinear-C): nothing to train.</summary>
    FixedCorrelation,
}

/// <summary>What fixes the tensors of an <see cref="OLinearModule"/> and how it computes.</summary>
internal sealed record OLinearShape
{
    /// <summary>N.</summary>
    public required int Channels { get; init; }

    /// <summary>T, the look-back.</summary>
    public required int WindowSize { get; init; }

    /// <summary>H.</summary>
    public required int Horizon { get; init; }

    /// <summary>d, the length of phi; with 1 phi is not applied.</summary>
    public int EmbeddingSize { get; init; } = 16;

    /// <summary>D.</summary>
    public int Width { get; init; } = 512;

    /// <summary>F.</summary>
    public int HiddenWidth { get; init; } = 512;

    /// <summary>L.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>p.</summary>
    public double Dropout { get; init; }

    public OLinearActivation Activation { get; init; }

    public OLinearActivation HeadActivation { get; init; }

    public ChannelMixing Mixing { get; init; }

    /// <summary>How many numbers are trained.</summary>
    internal long ParameterCount
    {
        get
        {
            long n = Channels, t = WindowSize, h = Horizon, d = EmbeddingSize, width = Width, f = HiddenWidth;
            var perLayer = 2 * (width * width + width) + (width * f + f) + (f * width + width) + 4 * width;
            if (Mixing == ChannelMixing.Learned)
            {
                perLayer += n * n;
            }
            return d + 2 * n + n * t + n * h
                + (t * d * width + width)
                + Layers * perLayer
                + 2 * width
                + (width * d * h + d * h)
                + (h * d * f + f) + (f * h + h);
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the dropout is no probability below 1.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(WindowSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Horizon, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(EmbeddingSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(HiddenWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Layers, 0);
        if (!(Dropout >= 0 && Dropout < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(Dropout), Dropout, "Must be at least 0 and below 1.");
        }
    }
}
