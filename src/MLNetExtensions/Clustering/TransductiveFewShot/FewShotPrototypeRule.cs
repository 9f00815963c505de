using System.Numerics.Tensors;

namespace MLNetExtensions;

/// <summary>Scores a row by its distances to the prototypes of <c>Fit</c>, without looking at other rows. Holds the memory of one cursor.</summary>
internal sealed class FewShotPrototypeRule(FewShotModel model)
{
    // As the solver has them.
    private const float Floor = 1e-12f;
    private const float PowerOffset = 1e-6f;

    private readonly float[] _x = new float[model.Dimension];
    private readonly float[] _logs = new float[model.Classes.Length];

    /// <summary>The logarithms of the assignments to the classes of the model; valid until the next call.</summary>
    internal ReadOnlySpan<float> Score(ReadOnlySpan<float> features)
    {
        Transform(features);
        if (model.Settings.ShiftQueries)
        {
            TensorPrimitives.Add(_x, model.Shift, _x);
        }
        for (var i = 0; i < _logs.Length; i++)
        {
            _logs[i] = (float)(-Cost(TensorPrimitives.Distance<float>(_x, model.Prototypes.AsSpan(i * _x.Length, _x.Length))) / model.Settings.Temperature);
        }
        var largest = TensorPrimitives.Max<float>(_logs);
        double sum = 0;
        foreach (var log in _logs)
        {
            sum += Math.Exp((double)log - largest);
        }
        TensorPrimitives.Subtract(_logs, largest + (float)Math.Log(sum), _logs);
        return _logs;
    }

    private double Cost(double distance) => model.Settings.Prototype switch
    {
        FewShotPrototype.Mean or FewShotPrototype.Fixed => distance * distance,
        FewShotPrototype.Medoid => distance,
        _ => -Math.Exp(-distance * distance / (2 * model.Sigma * model.Sigma)),
    };

    private void Transform(ReadOnlySpan<float> features)
    {
        features.CopyTo(_x);
        switch (model.Settings.Transform)
        {
            case FewShotTransform.None:
                return;
            case FewShotTransform.CenteredL2:
                TensorPrimitives.Subtract(_x, model.BaseMean, _x);
                break;
            case FewShotTransform.PowerL2:
                TensorPrimitives.Max(_x, 0, _x);
                TensorPrimitives.Add(_x, PowerOffset, _x);
                TensorPrimitives.Sqrt<float>(_x, _x);
                break;
        }
        TensorPrimitives.Divide(_x, Math.Max(TensorPrimitives.Norm<float>(_x), Floor), _x);
    }
}
