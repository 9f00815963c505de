using MLNetExtensions.Tensors;
using Samples;

namespace TensorDecomposition;

/// <summary>Tells of a training now and then.</summary>
internal sealed class TrainingLines : IProgress<TuckerTrainingProgress>
{
    private const int Every = 10;

    private FunctionalTuckerPhase? _phase;

    public void Report(TuckerTrainingProgress value)
    {
        // The selection tries many scales: that it runs is told once.
        if (value.Phase != _phase || (value.Phase == FunctionalTuckerPhase.Inference && value.Iteration % Every == 0))
        {
            Say.Line(value.ToString());
        }
        _phase = value.Phase;
    }
}
