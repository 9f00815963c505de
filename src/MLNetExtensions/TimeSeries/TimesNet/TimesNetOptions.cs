using System.Numerics;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>The network that the TimesNet estimators share (arXiv 2210.02186), and how it chooses its periods.</summary>
public sealed class TimesNetOptions
{
    private readonly int _smallestWidth;
    private readonly int _largestWidth;

    /// <param name="topPeriods">The default of <see cref="TopPeriods"/>.</param>
    /// <param name="smallestWidth">The least width that follows from the number of channels.</param>
    /// <param name="largestWidth">The greatest.</param>
    internal TimesNetOptions(int topPeriods, int smallestWidth, int largestWidth)
    {
        TopPeriods = topPeriods;
        _smallestWidth = smallestWidth;
        _largestWidth = largestWidth;
    }

    /// <summary>
    /// The width of the network (the paper's d_model). Must be even and at least 2. Null (default): the paper's rule, the least power of 2 that is not below the
    /// number of channels, within 32 to 512 for forecasting, 64 to 128 for imputation, 32 to 128 for anomaly detection and 32 to 64 for classification.
    /// </summary>
    public int? Width { get; set; }

    /// <summary>The hidden width of the convolutions (d_ff). Must be positive. Null (default): as <see cref="Width"/>.</summary>
    public int? HiddenWidth { get; set; }

    /// <summary>The number of layers (N). Must be positive. The default is 2.</summary>
    public int NumberOfLayers { get; set; } = 2;

    /// <summary>
    /// The number of frequencies by which a window is folded (k). Must be positive and at most half of the steps that the network sees: the window and, in forecasting, the
    /// horizon. The default is 5 in forecasting, otherwise 3.
    /// </summary>
    public int TopPeriods { get; set; }

    /// <summary>The number of convolution kernels that are averaged (K), of the sizes 1, 3, … 2K - 1. Must be positive. The default is 6.</summary>
    public int NumberOfKernels { get; set; } = 6;

    /// <summary>The dropout rate after the embedding and before a classifier's last map. Should be within [0, 1). The default is 0.1.</summary>
    public double DropoutRate { get; set; } = 0.1;

    /// <summary>Whose spectrum chooses the periods in training: <see cref="PeriodSelection.Batch"/> (default, as published) or <see cref="PeriodSelection.PerRow"/>.</summary>
    public PeriodSelection TrainPeriods { get; set; } = PeriodSelection.Batch;

    /// <summary>
    /// Whose spectrum chooses the periods in validation and scoring. The default is <see cref="PeriodSelection.PerRow"/>. With <see cref="PeriodSelection.Batch"/> a score
    /// depends on the rows that happen to be scored with it: for comparison with the published code only.
    /// </summary>
    public PeriodSelection InferencePeriods { get; set; } = PeriodSelection.PerRow;

    /// <summary>
    /// Periods whose mixing weight is smaller are left out, in training and in scoring, which saves most of the work where one period rules. The result changes by no more than
    /// the weight times what the period would have added. Should be within [0, 1); 0 = none is left out. The default is 1e-7, which is below the rounding of the result.
    /// </summary>
    public double SkipWeightBelow { get; set; } = 1e-7;

    internal TimesNetPeriods Training => new(TrainPeriods, SkipWeightBelow);

    internal TimesNetPeriods Inference => new(InferencePeriods, SkipWeightBelow);

    internal TimesNetOptions Copy() => (TimesNetOptions)MemberwiseClone();

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    internal void Check(IExceptionContext context, int? steps)
    {
        MLNetExtensions.Check.Option(context, Width is null || (Width >= 2 && Width % 2 == 0), Width, "Must be even and at least 2, or null");
        MLNetExtensions.Check.Option(context, HiddenWidth is null or > 0, HiddenWidth, "Must be positive, or null");
        MLNetExtensions.Check.Option(context, NumberOfLayers > 0, NumberOfLayers, "Must be positive");
        MLNetExtensions.Check.Option(context, TopPeriods > 0, TopPeriods, "Must be positive");
        MLNetExtensions.Check.Option(context, steps is null || TopPeriods <= steps / 2, TopPeriods, $"Must be at most half of the {steps} steps that the network sees");
        MLNetExtensions.Check.Option(context, NumberOfKernels > 0, NumberOfKernels, "Must be positive");
        MLNetExtensions.Check.Option(context, DropoutRate is >= 0 and < 1, DropoutRate, "Should be within [0, 1)");
        MLNetExtensions.Check.Option(context, TrainPeriods is PeriodSelection.Batch or PeriodSelection.PerRow, TrainPeriods, $"Must be {PeriodSelection.Batch} or {PeriodSelection.PerRow}");
        MLNetExtensions.Check.Option(context, Enum.IsDefined(InferencePeriods), InferencePeriods, "Must be a defined value");
        MLNetExtensions.Check.Option(context, SkipWeightBelow is >= 0 and < 1, SkipWeightBelow, "Should be within [0, 1)");
    }

    /// <summary>The network for a number of channels; the task adds horizon, classes or time features.</summary>
    internal TimesNetShape Shape(int channels, int windowSize)
    {
        var width = Width ?? Math.Clamp((int)BitOperations.RoundUpToPowerOf2((uint)channels), _smallestWidth, _largestWidth);
        return new()
        {
            Channels = channels,
            WindowSize = windowSize,
            Width = width,
            HiddenWidth = HiddenWidth ?? width,
            Layers = NumberOfLayers,
            TopPeriods = TopPeriods,
            Kernels = NumberOfKernels,
            Dropout = DropoutRate,
        };
    }
}
