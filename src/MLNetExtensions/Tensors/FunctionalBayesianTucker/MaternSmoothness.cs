namespace MLNetExtensions.Tensors;

/// <summary>How smooth the latent functions are: the order ν of their Matérn covariance.</summary>
public enum MaternSmoothness
{
    /// <summary>ν = 1/2: continuous but rough, as daily pollution is.</summary>
    Matern12,

    /// <summary>ν = 3/2: differentiable once.</summary>
    Matern32,

    /// <summary>ν = 5/2: differentiable twice.</summary>
    Matern52,
}
